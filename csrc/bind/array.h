// Python arrays as checked views, results as arrays that own pool blocks. Everything here runs with the GIL.
#pragma once
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/types.h"
#include "plan/plan.h"

namespace lamina {

namespace py = pybind11;

inline const char* dtype_name(Dtype d) {
  constexpr const char* names[] = {"float32", "float64", "int32",  "int64",  "uint8", "bool",
                                   "int8",    "int16",   "uint16", "uint32", "uint64"};
  return names[static_cast<int>(d)];
}

template <class T>
constexpr Dtype dtype_of() {
  if constexpr (std::is_same_v<T, float>)
    return Dtype::f32;
  else if constexpr (std::is_same_v<T, double>)
    return Dtype::f64;
  else if constexpr (std::is_same_v<T, std::int32_t>)
    return Dtype::i32;
  else if constexpr (std::is_same_v<T, std::int64_t>)
    return Dtype::i64;
  else if constexpr (std::is_same_v<T, bool>)
    return Dtype::boolean;
  else if constexpr (std::is_same_v<T, std::int8_t>)
    return Dtype::i8;
  else if constexpr (std::is_same_v<T, std::int16_t>)
    return Dtype::i16;
  else if constexpr (std::is_same_v<T, std::uint16_t>)
    return Dtype::u16;
  else if constexpr (std::is_same_v<T, std::uint32_t>)
    return Dtype::u32;
  else if constexpr (std::is_same_v<T, std::uint64_t>)
    return Dtype::u64;
  else
    return Dtype::u8;
}

// An aligned array of native byte order, C-contiguous unless made by strided_input().
class View {
 public:
  int ndim() const { return proxy()->nd; }
  const py::ssize_t* shape() const { return proxy()->dimensions; }
  dim_t dim(int i) const { return proxy()->dimensions[i < 0 ? i + ndim() : i]; }
  dim_t size() const {
    dim_t n = 1;
    for (int i = 0; i < ndim(); i++) n *= dim(i);
    return n;
  }
  dim_t rows() const {  // product of all axes but the last
    dim_t n = 1;
    for (int i = 0; i + 1 < ndim(); i++) n *= dim(i);
    return n;
  }
  Dtype dtype() const { return dtype_; }
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(proxy()->data);
  }
  void* data() const { return proxy()->data; }
  dim_t step(int i) const;  // distance along an axis, in elements
  py::handle handle() const { return object_; }
  std::string shape_string() const;  // "(32, 10)"

 private:
  friend View view(py::handle, const char*, const char*, bool, bool);
  py::detail::PyArray_Proxy* proxy() const { return py::detail::array_proxy(object_.ptr()); }
  py::object object_;
  Dtype dtype_{};
};

std::string shape_string(const py::ssize_t* shape, int ndim);

// Parses an argument; `op` and `name` go into messages. A writable view must be contiguous already; a readable one is
// copied where it is not contiguous, misaligned or byte-swapped (under record by a step of the plan, or the plan is
// refused); if `strided`, only its last axis must be contiguous.
View view(py::handle h, const char* op, const char* name, bool writable, bool strided = false);
inline View input(py::handle h, const char* op, const char* name) { return view(h, op, name, false); }
inline View output(py::handle h, const char* op, const char* name) { return view(h, op, name, true); }
inline View strided_input(py::handle h, const char* op, const char* name) { return view(h, op, name, false, true); }
// None becomes an empty optional.
std::optional<View> optional_input(py::handle h, const char* op, const char* name);
std::optional<View> optional_output(py::handle h, const char* op, const char* name);

// Throws unless v has exactly this shape and dtype.
void expect(const View& v, const char* op, const char* name, std::initializer_list<dim_t> shape, Dtype dtype);
void expect_like(const View& v, const char* op, const char* name, const View& like);

// A new array from the pool, or from the arena of the plan under record. Contents undefined.
py::array empty(const std::vector<dim_t>& shape, Dtype dtype);
py::array empty_like(const View& v);
inline void* data_of(const py::array& a) { return py::detail::array_proxy(a.ptr())->data; }

// Where one gradient goes: nowhere, or into an array of `like`'s shape and dtype.
template <class T>
struct Destination {
  T* data;
  Grad mode;
};
struct GradientArray {
  std::optional<View> v;
  Grad mode;
  template <class T>
  T* as() const {
    return v ? v->as<T>() : nullptr;
  }
};
GradientArray gradient(py::handle h, const char* op, const char* name, const View& like, int accumulate, int bit);

// An aligned array of native byte order with any strides: what reshaping functions take.
struct Strided {
  py::object object;
  Dtype dtype;
  void* data;
  int ndim;
  const py::ssize_t *shape, *strides;  // strides in bytes
  dim_t size() const {
    dim_t n = 1;
    for (int i = 0; i < ndim; i++) n *= shape[i];
    return n;
  }
  std::string shape_string() const { return lamina::shape_string(shape, ndim); }
};
Strided strided(py::handle h, const char* op, const char* name, bool writable);
py::array contiguous(const Strided& x);  // a copy, made natively (bind_reshape.cpp)

dim_t item_size(Dtype d);
Dtype parse_dtype(py::handle h, const char* op);
Activation parse_activation(const std::string& name, const char* op);

// Calls f with a value of the array's float type: with_float(x.dtype(), "dense", [&](auto t) { using T = decltype(t);
// ... })
template <class F>
decltype(auto) with_float(Dtype d, const char* op, F&& f) {
  if (d == Dtype::f32) return f(float{});
  if (d != Dtype::f64) throw py::type_error(concat(op, ": expected float32 or float64, got ", dtype_name(d)));
  return f(double{});
}

// As with_float, of any type of integers; booleans are taken as bytes.
template <class F>
decltype(auto) with_integer(Dtype d, F&& f) {
  switch (d) {
    case Dtype::i8:
      return f(std::int8_t{});
    case Dtype::i16:
      return f(std::int16_t{});
    case Dtype::i32:
      return f(std::int32_t{});
    case Dtype::i64:
      return f(std::int64_t{});
    case Dtype::u16:
      return f(std::uint16_t{});
    case Dtype::u32:
      return f(std::uint32_t{});
    case Dtype::u64:
      return f(std::uint64_t{});
    default:
      return f(std::uint8_t{});
  }
}
inline bool is_float(Dtype d) { return d == Dtype::f32 || d == Dtype::f64; }
// Of any type.
template <class F>
decltype(auto) with_number(Dtype d, F&& f) {
  return d == Dtype::f32 ? f(float{}) : d == Dtype::f64 ? f(double{}) : with_integer(d, f);
}

// submit() that gives up the GIL for work above some ten microseconds. `work` is flops plus four times the elements.
template <auto op, class Args>
void run(const char* name, double work, const Args& args) {
  if (work > 2e5) {
    py::gil_scoped_release release;
    submit<op>(name, args);
  } else {
    submit<op>(name, args);
  }
}

}  // namespace lamina
