"""Coordinate filters: (F, ...) values over F times in, the same shape out.

All axes but the first are filtered independently (tracks, joints, x and y). NaN means not seen: it
stays NaN, and its neighbours count by their real distance in time. The filters know nothing of
cuts; :mod:`posetube.tracker.refiners` splits tracks there.
"""
