// The machine's own peak, by the same threads and the same instruction set that the kernels use.
#pragma once
#include "core/types.h"
#include "kernels/probe.h"

namespace lamina {

// Multiply-adds a second in T, times two, on all threads: the best of as many short runs as fit into `seconds`.
template <class T>
double measure_flops(double seconds);

// Bytes a second read and written by `kind` over arrays of `bytes` each, all threads, the best run.
double measure_stream(double seconds, dim_t bytes, Stream kind);

// Seconds of a region on all threads that has nothing to do: the best average of a thousand.
double measure_region(double seconds);

}  // namespace lamina
