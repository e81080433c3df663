// Python arrays as checked views, results as arrays that own pool blocks. Everything here runs with the GIL. A function
// gets its views from a Call (call.h), which checks every array against the first.
#pragma once
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bind/arguments.h"
#include "bind/gil.h"
#include "core/check.h"
#include "core/dtype.h"
#include "core/types.h"
#include "plan/plan.h"

namespace lamina {

void make_dtypes();  // NumPy's, at import, before threads can ask for them

inline const char* dtype_name(Dtype d) {
  static constexpr const char* names[] = {"float32", "float64", "int32",  "int64",  "uint8", "bool",
                                          "int8",    "int16",   "uint16", "uint32", "uint64"};
  return names[static_cast<int>(d)];
}

template <class T>
constexpr Dtype dtype_of() {
  if constexpr (std::is_same_v<T, float>)
    return Dtype::f32;
  else if constexpr (std::is_same_v<T, double>)
    return Dtype::f64;
  else if constexpr (std::is_same_v<T, std::int8_t>)
    return Dtype::i8;
  else if constexpr (std::is_same_v<T, std::int16_t>)
    return Dtype::i16;
  else if constexpr (std::is_same_v<T, std::int32_t>)
    return Dtype::i32;
  else if constexpr (std::is_same_v<T, std::int64_t>)
    return Dtype::i64;
  else if constexpr (std::is_same_v<T, std::uint8_t>)
    return Dtype::u8;
  else if constexpr (std::is_same_v<T, std::uint16_t>)
    return Dtype::u16;
  else if constexpr (std::is_same_v<T, std::uint32_t>)
    return Dtype::u32;
  else if constexpr (std::is_same_v<T, std::uint64_t>)
    return Dtype::u64;
  else {
    static_assert(std::is_same_v<T, bool>, "no array has elements of this type");
    return Dtype::boolean;
  }
}

// Whether elements of dtype d may be read and written as T. Bools are bytes to kernels.
template <class T>
constexpr bool holds(Dtype d) {
  return d == dtype_of<T>() || (std::is_same_v<T, std::uint8_t> && d == Dtype::boolean);
}

// Sizes of axes, borrowed. kAny, in an expected shape, is any size.
constexpr dim_t kAny = -1;
struct Sizes {
  const dim_t* data;
  int rank;

  // For a parameter: the list lives as long as the call that it is written in.
  Sizes(std::initializer_list<dim_t> s) : rank(static_cast<int>(s.size())) { data = s.begin(); }
  Sizes(const std::vector<dim_t>& s) : data(s.data()), rank(static_cast<int>(s.size())) {}
  Sizes(const dim_t* sizes, int axes) : data(sizes), rank(axes) {}
  dim_t product() const {
    dim_t n = 1;
    for (int i = 0; i < rank; i++) n *= data[i];
    return n;
  }
  std::vector<dim_t> vector() const { return {data, data + rank}; }
  std::string text() const;  // "(32, 10)"
  bool fit(Sizes expected) const {
    bool same = rank == expected.rank;
    for (int i = 0; same && i < rank; i++) same = expected.data[i] == data[i] || expected.data[i] == kAny;
    return same;
  }
};

// Messages take sizes as they are: the text is made only where it is needed.
inline std::ostream& operator<<(std::ostream& s, const Sizes& sizes) { return s << sizes.text(); }

// An aligned array of native byte order, C-contiguous unless Call made it as rows that are.
class View {
 public:
  int ndim() const { return proxy()->nd; }
  const py::ssize_t* shape() const { return proxy()->dimensions; }
  Sizes sizes() const { return {shape(), ndim()}; }
  dim_t dim(int i) const {
    const int axis = i < 0 ? i + ndim() : i;
    if (axis < 0 || axis >= ndim()) [[unlikely]]
      no_axis(i);
    return proxy()->dimensions[axis];
  }
  dim_t size() const { return sizes().product(); }
  dim_t rows() const { return Sizes(shape(), std::max(0, ndim() - 1)).product(); }  // of all axes but the last
  Dtype dtype() const { return dtype_; }
  // The elements. TypeError unless they are of type T, so that no array is read as what it is not.
  template <class T>
  T* as() const {
    if (!holds<std::remove_const_t<T>>(dtype_)) [[unlikely]]
      wrong_dtype(dtype_of<std::remove_const_t<T>>());
    return static_cast<T*>(data());
  }
  void* data() const { return proxy()->data; }
  dim_t stride(int i) const;  // distance along an axis, in elements
  py::handle handle() const { return object_; }

 private:
  friend View view(py::handle, const char*, const char*, bool, bool);
  friend class Call;
  [[noreturn]] void no_axis(int i) const;
  [[noreturn]] void wrong_dtype(Dtype wanted) const;
  py::detail::PyArray_Proxy* proxy() const { return py::detail::array_proxy(object_.ptr()); }
  py::object object_;
  const char *op_ = "", *name_ = "";  // as long as the call
  Dtype dtype_{};
};

// Parses an argument; `op` and `name` go into messages. A writable view must be contiguous already; a readable one is
// copied where it is not contiguous, misaligned or byte-swapped (under record by a step of the plan, or the plan is
// refused); if `rows_only`, only its last axis must be contiguous.
View view(py::handle h, const char* op, const char* name, bool writable, bool rows_only = false);

// Throws unless v has this shape and dtype.
void expect(const View& v, const char* op, const char* name, Sizes shape, Dtype dtype);

// Where one gradient goes: nowhere, or into an array.
struct GradientArray {
  std::optional<View> v;
  Grad mode = Grad::skip;
  template <class T>
  Gradient<T> as() const {
    return {v ? v->as<T>() : nullptr, mode};
  }
};

// An axis of x, counted from the end where negative, as 0..ndim-1.
int parse_axis(py::handle axis, const View& x, const char* op, const char* name = "axis");

// x as (outer, n, inner) around an axis.
struct Along {
  int axis;
  dim_t outer, n, inner;
};
Along parse_along(py::handle axis, const View& x, const char* op);

// A new array from the pool, or from the arena of the plan under record. Contents undefined.
py::array empty(Sizes shape, Dtype dtype);
inline void* data_of(const py::array& a) { return py::detail::array_proxy(a.ptr())->data; }

// An array of a function's result, whose elements are asked for by their type as those of a view.
struct Result {
  py::array array;
  Dtype dtype;
  Result(Sizes shape, Dtype d) : array(empty(shape, d)), dtype(d) {}
  operator py::array() const { return array; }
  dim_t size() const { return static_cast<dim_t>(array.size()); }
  template <class T>
  T* as() const {
    if (!holds<T>(dtype)) [[unlikely]]
      throw py::type_error(concat("a result of ", dtype_name(dtype), " is written as ", dtype_name(dtype_of<T>())));
    return static_cast<T*>(data_of(array));
  }
};

// An aligned array of native byte order with any strides: what reshaping functions take.
struct Strided {
  py::object object;
  Dtype dtype;
  void* data;
  int ndim;
  const py::ssize_t *shape, *strides;  // strides in bytes
  Sizes sizes() const { return {shape, ndim}; }
  dim_t size() const { return sizes().product(); }
};
// Of a writable one, no two elements may lie in one place.
Strided strided(py::handle h, const char* op, const char* name, bool writable);
py::array contiguous(const Strided& x);  // a copy, made natively (bind_reshape.cpp)

dim_t item_size(Dtype d);
Dtype parse_dtype(py::handle h, const char* op);
Activation parse_activation(const std::string& name, const char* op);

// Calls f with a value of the array's float type: with_float(x.dtype(), "dense", [&]<class T>(T) { ... })
template <class F>
decltype(auto) with_float(Dtype d, const char* op, F&& f) {
  if (d == Dtype::f32) return f(float{});
  if (d != Dtype::f64) throw py::type_error(concat(op, ": expected float32 or float64, got ", dtype_name(d)));
  return f(double{});
}

// submit() that gives up the GIL for work above some ten microseconds. `work` is the multiplications and additions of
// products, else some operations an element.
template <auto op, class Args>
void run(const char* name, double work, const Args& args) {
  if (work > 2e5) {
    const ReleaseGil release;
    submit<op>(name, args, work);
  } else {
    submit<op>(name, args, work);
  }
}

// What the plan under record must keep alive, null where none is recorded.
extern constinit thread_local std::vector<py::object>* kept_objects;
inline void keep_for_plan(const py::object& o) {
  if (recording && kept_objects) kept_objects->push_back(o);
}

}  // namespace lamina
