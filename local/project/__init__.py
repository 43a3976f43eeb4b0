"""A project's folder as `cerebro init` makes it; what is in it lies in files/."""
