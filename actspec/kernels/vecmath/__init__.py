"""Elementary functions as branch-free arithmetic, which LLVM runs on vectors, for float32 and float64."""
