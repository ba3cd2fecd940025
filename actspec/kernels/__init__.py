"""From a formula to numbers: today by NumPy; the compiler moves in here behind the same functions."""
