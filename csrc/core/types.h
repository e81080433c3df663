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

// Where one gradient goes, and how.
template <class T>
struct Gradient {
  T* to = nullptr;
  Grad mode = Grad::skip;
  bool wanted() const { return mode != Grad::skip; }
  bool adds() const { return mode == Grad::accumulate; }
  operator T*() const { return to; }
};

// Explicit instantiations of an operation, a function of one struct of arguments.
#define LAMINA_FOR_FLOATS(op, Args)     \
  template void op(const Args<float>&); \
  template void op(const Args<double>&)
#define LAMINA_FOR_INTEGERS(op, Args)           \
  template void op(const Args<std::int8_t>&);   \
  template void op(const Args<std::int16_t>&);  \
  template void op(const Args<std::int32_t>&);  \
  template void op(const Args<std::int64_t>&);  \
  template void op(const Args<std::uint8_t>&);  \
  template void op(const Args<std::uint16_t>&); \
  template void op(const Args<std::uint32_t>&); \
  template void op(const Args<std::uint64_t>&)

}  // namespace lamina
