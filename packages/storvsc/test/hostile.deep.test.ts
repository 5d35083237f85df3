// The same properties: in this tier they run many times as often.
import './hostile.test.ts'
