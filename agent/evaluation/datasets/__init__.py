"""Loaders of public sets in their published layouts: names, labels, subjects; never pixels.

No loader decodes a picture, so that training can use them too. What a set doesn't label is NaN.
"""
