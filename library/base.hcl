# What acts on every host, whether or not anything names it.
