// From the name of an element type to the type itself.
#pragma once
#include "core/types.h"

namespace lamina {

// Calls f with a value of the type: with_integer(d, [&]<class T>(T) { ... }). Booleans are taken as bytes, 0 and 1.
template <class F>
decltype(auto) with_integer(Dtype d, F&& f) {
  switch (d) {
    case Dtype::i8: return f(std::int8_t{});
    case Dtype::i16: return f(std::int16_t{});
    case Dtype::i32: return f(std::int32_t{});
    case Dtype::i64: return f(std::int64_t{});
    case Dtype::u16: return f(std::uint16_t{});
    case Dtype::u32: return f(std::uint32_t{});
    case Dtype::u64: return f(std::uint64_t{});
    default: return f(std::uint8_t{});
  }
}
inline bool is_float(Dtype d) { return d == Dtype::f32 || d == Dtype::f64; }
// As with_integer, for any type.
template <class F>
decltype(auto) with_number(Dtype d, F&& f) {
  return d == Dtype::f32 ? f(float{}) : d == Dtype::f64 ? f(double{}) : with_integer(d, f);
}

}  // namespace lamina
