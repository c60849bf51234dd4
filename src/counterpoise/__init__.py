"""An open network for building, proving, selling and governing AI.

Every room of the house is a subpackage; import the room you need:

>>> from counterpoise.core.units import TOKEN
>>> TOKEN
1000000000000000000
"""

__version__ = "0.1.0"
