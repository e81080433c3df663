// Plain types that every floor shares.
#pragma once
#include <cstddef>
#include <cstdint>

namespace lamina {

using dim_t = std::int64_t;

enum class Dtype : int { f32, f64, i32, i64, u8, boolean, i8, i16, u16, u32, u64 };

// Activations whose gradient follows from their output, so that a fused op keeps y alone.
enum class Activation : int { linear, relu, tanh, sigmoid };

// What a backward does with one gradient. `write` never reads the destination: it may hold NaN.
enum class Grad : int { skip, write, accumulate };

}  // namespace lamina
