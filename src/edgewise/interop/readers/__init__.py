"""One module for each file format. A module that defines `READER` is found by `edgewise.interop.readers.registry`.

To add a format, write a module with a subclass of `edgewise.interop.readers.base.Reader`, a docstring that names the
columns it takes, and `READER = MyReader()`; nothing else lists it.
"""
