import fc from 'fast-check'

// Without it a list of at most 60 steps has at most 10: fast-check's sizes are small unless it is told to reach the bounds.
fc.configureGlobal({ ...fc.readConfigureGlobal(), defaultSizeToMaxWhenMaxSpecified: true })
