// The same properties: in this tier they run many times as often.
import './model.test.ts'
