"""Coordinate filters: (F, ...) values over F times in, the same shape out.

All axes but the first are filtered side by side (tracks, joints, x and y). NaN means not seen: it
stays NaN, and the values around it are weighed by their real distance in time. None looks across a
cut by itself; :func:`posetube.tracker.smooth.smooth` takes tracks apart there.
"""
