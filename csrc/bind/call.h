// The arrays of one call. The first sets the type; every other one can only be had with the shape it must have, and of
// the first's type unless another is named, so that no check can be forgotten. A destination that shares memory with an
// input is refused.
#pragma once
#include "bind/array.h"

namespace lamina {

class Call {
 public:
  // Bit i of `accumulate`: the i-th gradient is added to.
  explicit Call(const char* op, int accumulate = 0) : op_(op), accumulate_(accumulate) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  const char* op() const { return op_; }
  Dtype dtype() const { return dtype_; }  // of the first array

  // The first array, of any shape. It may be a destination: the gradient of what a function was given.
  View first(py::handle h, const char* name) { return set(input_of_any(h, name)); }
  View first_rows(py::handle h, const char* name) { return set(read(view(h, op_, name, false, true))); }
  View first_destination(py::handle h, const char* name) { return set(written(view(h, op_, name, true))); }

  // An input of the first array's type and of this shape.
  View input(py::handle h, const char* name, Sizes shape) { return input(h, name, shape, dtype_); }
  View input(py::handle h, const char* name, Sizes shape, Dtype dtype) {
    return read(expected(view(h, op_, name, false), name, shape, dtype));
  }
  // An input of the first array's type and any shape, which the caller checks.
  View input_of_any_shape(py::handle h, const char* name) {
    const View v = view(h, op_, name, false);
    return read(expected(v, name, v.sizes(), dtype_));
  }
  // As input(), or None.
  std::optional<View> optional(py::handle h, const char* name, Sizes shape) {
    return h.is_none() ? std::nullopt : std::optional(input(h, name, shape));
  }
  std::optional<View> optional(py::handle h, const char* name, Sizes shape, Dtype dtype) {
    return h.is_none() ? std::nullopt : std::optional(input(h, name, shape, dtype));
  }
  // For what takes several types (indices, labels, conditions): View::as() still refuses a wrong one.
  View input_of_any(py::handle h, const char* name) { return read(view(h, op_, name, false)); }
  // For what goes element by element: it may be the destination itself.
  View input_in_place(py::handle h, const char* name) {
    in_place_ = true;
    return input_of_any(h, name);
  }
  View rows_of_any(py::handle h, const char* name) { return read(view(h, op_, name, false, true)); }
  std::optional<View> optional_of_any(py::handle h, const char* name) {
    return h.is_none() ? std::nullopt : std::optional(input_of_any(h, name));
  }
  // How many of each sequence's steps count, (B,), int32 or int64.
  std::optional<View> optional_lengths(py::handle h, dim_t B) {
    const auto v = optional_of_any(h, "lengths");
    if (v && v->dtype() != Dtype::i32 && v->dtype() != Dtype::i64)
      throw py::type_error(concat(op_, ": lengths is ", dtype_name(v->dtype()), ", expected int32 or int64"));
    if (v) expect(*v, op_, "lengths", {B}, v->dtype());
    return v;
  }

  // An array that the function writes, or reads and writes.
  View destination(py::handle h, const char* name, Sizes shape) { return destination(h, name, shape, dtype_); }
  View destination(py::handle h, const char* name, Sizes shape, Dtype dtype) {
    return written(expected(view(h, op_, name, true), name, shape, dtype));
  }
  View destination_of_any_shape(py::handle h, const char* name) {
    const View v = view(h, op_, name, true);
    return written(expected(v, name, v.sizes(), dtype_));
  }
  // The destination of the gradient of number `bit`, None to skip it.
  GradientArray gradient(py::handle h, const char* name, Sizes shape, int bit) {
    if (h.is_none()) return {};
    return {destination(h, name, shape), mode(bit)};
  }
  Grad mode(int bit) const { return (accumulate_ >> bit) & 1 ? Grad::accumulate : Grad::write; }

  Strided strided_input(py::handle h, const char* name) {
    Strided x = strided(h, op_, name, false);
    note(x, name, false);
    return x;
  }
  Strided strided_destination(py::handle h, const char* name) {
    Strided y = strided(h, op_, name, true);
    note(y, name, true);
    return y;
  }

  Result result(Sizes shape) const { return {shape, dtype_}; }
  Result result(Sizes shape, Dtype dtype) const { return {shape, dtype}; }

 private:
  // Memory that the call reads or writes.
  struct Range {
    const char *begin, *end, *name;
    PyObject* array;
    bool written;
  };
  View set(View v) {
    dtype_ = v.dtype();
    return v;
  }
  View expected(View v, const char* name, Sizes shape, Dtype dtype) const {
    expect(v, op_, name, shape, dtype);
    return v;
  }
  View read(View v) {
    note(v, false);
    return v;
  }
  View written(View v) {
    note(v, true);
    return v;
  }
  void note(const View& v, bool written);
  void note(const Strided& v, const char* name, bool written);
  void note(const Range& range);

  static constexpr int kMost = 40;
  const char* op_;
  int accumulate_;
  Dtype dtype_{};
  int count_ = 0;
  bool in_place_ = false;
  Range ranges_[kMost];
};

template <class T>
T* data_or_null(const std::optional<View>& v) {
  return v ? v->as<T>() : nullptr;
}

}  // namespace lamina
