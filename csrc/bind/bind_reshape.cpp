#include "bind/call.h"
#include "bind/define.h"
#include "bind/families.h"
#include "bind/indices.h"
#include "ops/border.h"
#include "ops/copy.h"
#include "ops/reshape.h"

namespace lamina {
namespace {

// Types of one size are copied as one.
template <class F>
void with_size(dim_t bytes, F&& f) {
  switch (bytes) {
    case 1: return f(std::uint8_t{});
    case 2: return f(std::uint16_t{});
    case 4: return f(float{});
    default: return f(double{});
  }
}

void copy_to(const Strided& x, const Strided& y, bool accumulate, const char* op) {
  bool same = x.ndim == y.ndim;
  for (int i = 0; same && i < x.ndim; i++) same = x.shape[i] == y.shape[i];
  check(same, op, ": x is ", x.sizes(), ", y is ", y.sizes());
  if (x.dtype != y.dtype)
    throw py::type_error(concat(op, ": x is ", dtype_name(x.dtype), ", y is ", dtype_name(y.dtype)));
  if (accumulate && x.dtype != Dtype::f32 && x.dtype != Dtype::f64)
    throw py::type_error(concat(op, ": only floats are added, got ", dtype_name(x.dtype)));
  const dim_t bytes = item_size(x.dtype);
  NdIterator<2> loops;
  for (int i = 0; i < x.ndim; i++) loops.append(x.shape[i], {x.strides[i] / bytes, y.strides[i] / bytes});
  loops.finish();
  with_size(bytes, [&]<class T>(T) {
    const StridedCopy<T> a{
        .x = static_cast<const T*>(x.data), .y = static_cast<T*>(y.data), .loops = loops, .accumulate = accumulate};
    run<strided_copy<T>>(op, 4.0 * double(x.size()), a);
  });
}

py::array contiguous_py(py::handle x) { return contiguous(strided(x, "contiguous", "x", false)); }

void strided_copy_py(py::handle x_, py::handle y_, bool accumulate) {
  Call call("strided_copy");
  const Strided x = call.strided_input(x_, "x"), y = call.strided_destination(y_, "y");
  copy_to(x, y, accumulate, call.op());
}

void fill_into_py(py::handle y_, double value) {
  Call call("fill_into");
  const View y = call.first_destination(y_, "y");
  with_float(y.dtype(), "fill_into", [&]<class T>(T) {
    const Fill<T> a{.y = y.as<T>(), .n = y.size(), .value = T(value)};
    run<fill<T>>("fill", double(y.size()), a);
  });
}

// An array with its axes in another order.
struct Permuted : Strided {
  std::vector<py::ssize_t> shape_, strides_;
  Permuted(const Strided& whole, const std::vector<dim_t>& axes, const char* name) : Strided(whole) {
    check(static_cast<int>(axes.size()) == ndim, "transpose: ", axes.size(), " axes given, ", name, " is ", sizes());
    std::uint64_t seen = 0;
    for (dim_t a : axes) {
      check(a >= 0 && a < ndim && !((seen >> a) & 1), "transpose: axes are no permutation of those of ", name,
            ", which is ", sizes());
      seen |= std::uint64_t(1) << a;
      shape_.push_back(shape[a]);
      strides_.push_back(strides[a]);
    }
    shape = shape_.data(), strides = strides_.data();
  }
};

py::array transpose_forward_py(py::handle x_, const std::vector<dim_t>& axes) {
  Call call("transpose");
  const Permuted x(call.strided_input(x_, "x"), axes, "x");
  const Result y(x.sizes(), x.dtype);
  copy_to(x, strided(y.array, "transpose", "y", true), false, "transpose");
  return y;
}

// dx, read in the order of dy's axes, (+)= dy.
void transpose_backward_py(py::handle dy_, const std::vector<dim_t>& axes, py::handle dx_, int accumulate) {
  Call call("transpose", accumulate);
  const Strided dy = call.strided_input(dy_, "dy");
  if (dx_.is_none()) return;
  const Permuted dx(call.strided_destination(dx_, "dx"), axes, "dx");
  copy_to(dy, dx, call.mode(0) == Grad::accumulate, "transpose");
}

// A part of a along one axis, as a strided array.
struct Part : Strided {
  std::vector<py::ssize_t> part_shape;
  Part(const Strided& whole, int axis, dim_t begin, dim_t n)
      : Strided(whole), part_shape(whole.shape, whole.shape + whole.ndim) {
    data = static_cast<char*>(data) + begin * strides[axis];
    part_shape[axis] = n;
    shape = part_shape.data();
  }
};

int parse_axis(py::handle h, const Strided& x, const char* op, const char* what) {
  const dim_t axis = to_integer(h, op, "axis");
  check(axis >= -x.ndim && axis < x.ndim, op, ": axis ", axis, " is outside ", what, ", which are ", x.sizes());
  return static_cast<int>(axis < 0 ? axis + x.ndim : axis);
}

py::array concatenate_forward_py(const py::tuple& arrays, py::handle axis_) {
  const char* op = "concatenate";
  check(!arrays.empty(), op, ": expected one array or more");
  std::vector<Strided> xs;
  for (py::handle a : arrays) xs.push_back(strided(a, op, "an array", false));
  const int rank = xs[0].ndim, axis = parse_axis(axis_, xs[0], op, "the arrays");
  std::vector<dim_t> shape = xs[0].sizes().vector();
  shape[axis] = 0;
  for (std::size_t k = 0; k < xs.size(); k++) {
    bool same = xs[k].ndim == rank;
    for (int i = 0; same && i < rank; i++) same = i == axis || xs[k].shape[i] == xs[0].shape[i];
    check(same, op, ": array 0 is ", xs[0].sizes(), ", array ", k, " is ", xs[k].sizes(),
          "; all sizes but that of axis ", axis, " must be equal");
    if (xs[k].dtype != xs[0].dtype)
      throw py::type_error(
          concat(op, ": array 0 is ", dtype_name(xs[0].dtype), ", array ", k, " is ", dtype_name(xs[k].dtype)));
    shape[axis] += xs[k].shape[axis];
  }
  const Result y(shape, xs[0].dtype);
  const Strided whole = strided(y.array, op, "y", true);
  dim_t begin = 0;
  for (const Strided& x : xs) {
    copy_to(x, Part(whole, axis, begin, x.shape[axis]), false, op);
    begin += x.shape[axis];
  }
  return y;
}

// The first n bits of an integer of any length.
std::vector<bool> bits_of(py::handle h, std::size_t n, const char* op) {
  constexpr std::size_t kWord = 62;
  const auto word = py::int_((dim_t(1) << kWord) - 1), shift = py::int_(kWord);
  std::vector<bool> bits;
  if (n <= kWord) {
    const dim_t value = to_integer(h, op, "accumulate", 0);
    for (std::size_t k = 0; k < n; k++) bits.push_back((value >> k) & 1);
    return bits;
  }
  auto rest = py::reinterpret_steal<py::object>(PyNumber_Index(h.ptr()));
  if (!rest) throw py::error_already_set();
  for (; bits.size() < n; rest = rest >> shift) {
    const dim_t value = to_integer(rest & word, op, "accumulate");
    for (std::size_t k = 0; k < kWord && bits.size() < n; k++) bits.push_back((value >> k) & 1);
  }
  return bits;
}

// dxs: None or an array each; sizes: of the parts along the axis.
void concatenate_backward_py(py::handle dy_, py::handle axis_, const std::vector<dim_t>& sizes, const py::tuple& dxs,
                             py::handle accumulate) {
  const char* op = "concatenate";
  Call call(op);
  const Strided dy = call.strided_input(dy_, "dy");
  const int axis = parse_axis(axis_, dy, op, "dy's axes");
  check(sizes.size() == dxs.size(), op, ": ", sizes.size(), " sizes, ", dxs.size(), " gradients");
  dim_t end = 0;
  for (dim_t n : sizes) {
    check(n >= 0 && n <= dy.shape[axis] - end, op, ": sizes do not add up to those of dy, which is ", dy.sizes());
    end += n;
  }
  check(end == dy.shape[axis], op, ": sizes do not add up to those of dy, which is ", dy.sizes());
  const std::vector<bool> adds = bits_of(accumulate, dxs.size(), op);
  dim_t begin = 0;
  for (std::size_t k = 0; k < dxs.size(); k++) {
    if (!py::object(dxs[k]).is_none())
      copy_to(Part(dy, axis, begin, sizes[k]), call.strided_destination(dxs[k], "dx"), adds[k], op);
    begin += sizes[k];
  }
}

// x's shape with the indices' in the place of an axis.
std::vector<dim_t> taken(const View& x, const View& indices, int axis) {
  std::vector<dim_t> shape(x.shape(), x.shape() + axis);
  shape.insert(shape.end(), indices.shape(), indices.shape() + indices.ndim());
  shape.insert(shape.end(), x.shape() + axis + 1, x.shape() + x.ndim());
  return shape;
}

py::array take_forward_py(py::handle x_, py::handle indices_, py::handle axis) {
  Call call("take");
  const View x = call.first(x_, "x"), indices = call.input_of_any(indices_, "indices");
  const Along a = parse_along(axis, x, "take");
  const Indices parsed = parse_indices(indices, "take", "indices");
  const Result y = call.result(taken(x, indices, a.axis));
  with_size(item_size(x.dtype()), [&]<class T>(T) {
    const Take<T> args{.x = static_cast<const T*>(x.data()),
                       .indices = parsed,
                       .y = static_cast<T*>(data_of(y.array)),
                       .outer = a.outer,
                       .n = a.n,
                       .inner = a.inner};
    run<take<T>>("take_forward", 2.0 * double(y.size()), args);
  });
  return y;
}

void take_backward_py(py::handle indices_, py::handle dy_, py::handle axis, py::handle dx_, int accumulate) {
  Call call("take", accumulate);
  const View dy = call.first(dy_, "dy"), indices = call.input_of_any(indices_, "indices");
  const Indices parsed = parse_indices(indices, "take", "indices");
  if (dx_.is_none()) return;
  const View dx = call.destination_of_any_shape(dx_, "dx");
  const Along a = parse_along(axis, dx, "take");
  expect(dy, "take", "dy", taken(dx, indices, a.axis), dx.dtype());
  auto with_sums = [&](auto f) {  // of integers those of 64 bits, whose sums wrap alike
    if (dx.dtype() == Dtype::i64 || dx.dtype() == Dtype::u64) return f(std::uint64_t{});
    with_float(dx.dtype(), "take", f);
  };
  with_sums([&]<class T>(T) {
    const TakeBackward<T> args{.indices = parsed,
                               .dy = static_cast<const T*>(dy.data()),
                               .dx = static_cast<T*>(dx.data()),
                               .outer = a.outer,
                               .n = a.n,
                               .inner = a.inner,
                               .accumulate = call.mode(0) == Grad::accumulate};
    run<take_backward<T>>("take_backward", 4.0 * double(dx.size() + dy.size()), args);
  });
}

// Borders of x: numbers of elements in front of and behind each axis.
struct ParsedBorders : Borders {
  std::vector<dim_t> shape;  // with them

  ParsedBorders(const View& x, const std::vector<dim_t>& before, const std::vector<dim_t>& after,
                const std::string& mode_) {
    constexpr std::pair<const char*, BorderMode> modes[] = {{"reflect", BorderMode::reflect},
                                                            {"symmetric", BorderMode::symmetric},
                                                            {"edge", BorderMode::edge},
                                                            {"wrap", BorderMode::wrap}};
    mode = value_named(mode_, modes, "mode of pad");
    const auto axes = static_cast<std::size_t>(x.ndim());
    check(before.size() == axes && after.size() == axes, "pad: ", before.size(), " widths before and ", after.size(),
          " after, x is ", x.sizes());
    for (int i = 0; i < x.ndim(); i++) {
      const dim_t n = x.dim(i), front = before[i], back = after[i];
      constexpr dim_t most = dim_t(1) << 40;  // so that sums of them fit
      check(front >= 0 && back >= 0 && front < most && back < most, "pad: widths of axis ", i, " are ", front, " and ",
            back, ", expected none below 0, and none too large");
      check(n > 0 || front + back == 0, "pad: axis ", i, " of x, which is ", x.sizes(),
            ", is empty and has nothing to make a border of");
      shape.push_back(front + n + back);
      if (front + back > 0) {
        if (inner != 1) append({inner, 0, 0});
        append({n, front, back});
        inner = 1;
      } else {
        inner *= n;
      }
    }
    if (rank == 0) append({std::exchange(inner, 1), 0, 0});
    dim_t size = 1;
    for (dim_t n : shape) size = checked_product({size, n});
  }

 private:
  void append(const BorderAxis& a) {
    check(rank < kMaxRank, "pad: more than ", kMaxRank, " axes with borders, and parts between these");
    axis[rank++] = a;
  }
};

py::array border_forward_py(py::handle x_, const std::vector<dim_t>& before, const std::vector<dim_t>& after,
                            const std::string& mode) {
  Call call("pad");
  const View x = call.first(x_, "x");
  const ParsedBorders borders(x, before, after, mode);
  const Result y = call.result(borders.shape);
  with_size(item_size(x.dtype()), [&]<class T>(T) {
    const BorderForward<T> a{
        .x = static_cast<const T*>(x.data()), .y = static_cast<T*>(data_of(y.array)), .borders = borders};
    run<border_forward<T>>("border_forward", 4.0 * double(y.size()), a);
  });
  return y;
}

void border_backward_py(py::handle dy_, const std::vector<dim_t>& before, const std::vector<dim_t>& after,
                        const std::string& mode, py::handle dx_, int accumulate) {
  if (dx_.is_none()) return;
  Call call("pad", accumulate);
  const View dx = call.first_destination(dx_, "dx");
  const ParsedBorders borders(dx, before, after, mode);
  const View dy = call.input(dy_, "dy", borders.shape);
  with_float(call.dtype(), "pad", [&]<class T>(T) {
    const BorderBackward<T> a{.dy = dy.as<T>(), .dx = {dx.as<T>(), call.mode(0)}, .borders = borders};
    run<border_backward<T>>("border_backward", 4.0 * double(dy.size()), a);
  });
}

py::array one_hot_forward_py(py::handle indices_, dim_t classes, py::handle dtype_) {
  Call call("one_hot");
  const View indices = call.first(indices_, "indices");
  check(classes > 0, "one_hot: num_classes must be positive, got ", classes);
  std::vector<dim_t> shape = indices.sizes().vector();
  shape.push_back(classes);
  const Dtype dtype = parse_dtype(dtype_, "one_hot");
  const Indices parsed = parse_indices(indices, "one_hot", "indices");
  const Result y = call.result(shape, dtype);
  with_float(dtype, "one_hot", [&]<class T>(T) {
    const OneHot<T> a{.indices = parsed, .y = y.as<T>(), .classes = classes};
    run<one_hot<T>>("one_hot_forward", 2.0 * double(y.size()), a);
  });
  return y;
}

}  // namespace

py::array contiguous(const Strided& x) {
  const Result y(x.sizes(), x.dtype);
  copy_to(x, strided(y.array, "contiguous", "y", true), false, "contiguous");
  return y;
}

void bind_reshape(py::module_& m) {
  define(m, "contiguous", contiguous_py, "x", "A C-contiguous copy of an array with any strides.");
  define(m, "strided_copy", strided_copy_py, with_defaults("x, y, accumulate", false),
         "y = x or y += x, both with any strides, of one shape and type.");
  define(m, "fill_into", fill_into_py, "y, value", "y = value everywhere.");
  define(m, "transpose_forward", transpose_forward_py, "x, axes", "x with its axes in another order.");
  define(m, "transpose_backward", transpose_backward_py, with_defaults("dy, axes, dx, accumulate", 0),
         "Gradient of transpose_forward.");
  define(m, "concatenate_forward", concatenate_forward_py, "arrays, axis", "Arrays one after the other along an axis.");
  define(m, "concatenate_backward", concatenate_backward_py, with_defaults("dy, axis, sizes, dxs, accumulate", 0),
         "Gradients of concatenate_forward into dxs.");
  define(m, "take_forward", take_forward_py, "x, indices, axis", "x[..., indices, ...] along an axis.");
  define(m, "take_backward", take_backward_py, with_defaults("indices, dy, axis, dx, accumulate", 0),
         "Gradient of take_forward; int64 and uint64 too.");
  define(m, "border_forward", border_forward_py, "x, before, after, mode",
         "x with so many elements of its own around each axis: 'reflect', 'symmetric', 'edge' or 'wrap'.");
  define(m, "border_backward", border_backward_py, with_defaults("dy, before, after, mode, dx, accumulate", 0),
         "Gradient of border_forward into dx.");
  define(m, "one_hot_forward", one_hot_forward_py, "indices, classes, dtype",
         "Rows of zeros with a one at the index; zeros for an index outside.");
}

}  // namespace lamina
