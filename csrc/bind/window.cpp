#include "bind/window.h"

namespace lamina {
namespace {

constexpr dim_t kLargest = dim_t(1) << 30;  // so that sums and products of two of them fit

dim_t integer(py::handle h, dim_t least, const char* op, const char* name) {
  check(PyIndex_Check(h.ptr()) && !PyBool_Check(h.ptr()), op, ": ", name, " must be integers, got ",
        std::string(py::repr(h)));
  const Py_ssize_t n = PyNumber_AsSsize_t(h.ptr(), nullptr);  // clipped where it does not fit
  check(n >= least && n <= kLargest, op, ": ", name, " must be at least ", least, ", got ", std::string(py::repr(h)));
  return n;
}

bool is_pair(py::handle h) { return (PyTuple_Check(h.ptr()) || PyList_Check(h.ptr())) && py::len(h) == 2; }

Pair integers(py::handle h, dim_t least, const char* op, const char* name, const char* what) {
  check(is_pair(h), op, ": ", name, " must be ", what, ", got ", std::string(py::repr(h)));
  const auto s = py::reinterpret_borrow<py::sequence>(h);
  return {integer(py::object(s[0]), least, op, name), integer(py::object(s[1]), least, op, name)};
}

// Sets the outputs and the zeros of one axis.
void place(dim_t size, dim_t taps, dim_t stride, dim_t dilation, bool same, const char* op, const char* axis,
           dim_t& out, dim_t& before, dim_t& after) {
  const dim_t extent = (taps - 1) * dilation + 1;
  if (same) {
    out = (size + stride - 1) / stride;
    const dim_t total = std::max<dim_t>(0, (out - 1) * stride + extent - size);
    before = total / 2;
    after = total - before;
    return;
  }
  const dim_t room = size + before + after - extent;
  check(room >= 0, op, ": a kernel of ", axis, " ", taps, dilation > 1 ? concat(" (", extent, " dilated)") : "",
        " is larger than the padded input's ", size + before + after, "; pad more, or use padding='same'");
  out = room / stride + 1;
}

}  // namespace

Pair parse_pair(py::handle value, const char* op, const char* name) {
  if (PyIndex_Check(value.ptr())) {
    const dim_t n = integer(value, 1, op, name);
    return {n, n};
  }
  return integers(value, 1, op, name, "an integer or (height, width)");
}

Window parse_window(const View& x, Pair kernel, py::handle strides, py::handle padding, Pair dilation, const char* op) {
  check(x.ndim() == 4, op, ": x is ", x.shape_string(), ", expected four axes (N, H, W, C)");
  const Pair stride = parse_pair(strides, op, "strides");
  check(kernel.h >= 1 && kernel.w >= 1, op, ": the kernel is ", kernel.h, " x ", kernel.w, ", expected 1 x 1 or more");
  for (dim_t n : {x.dim(1), x.dim(2), kernel.h, kernel.w})
    check(n <= kLargest, op, ": ", n, " is too large for the size of an image or kernel");
  Window v{x.dim(0), x.dim(1), x.dim(2),   x.dim(3),   0, 0, kernel.h, kernel.w,
           stride.h, stride.w, dilation.h, dilation.w, 0, 0, 0,        0};
  bool same = false;
  if (py::isinstance<py::str>(padding)) {
    const auto name = to_text(padding, op, "padding");
    same = name == "same";
    check(same || name == "valid", op, ": padding is '", name,
          "', expected 'valid', 'same' or ((top, bottom), (left, right))");
  } else {
    const char* what = "'valid', 'same' or ((top, bottom), (left, right))";
    check(is_pair(padding), op, ": padding must be ", what, ", got ", std::string(py::repr(padding)));
    const auto s = py::reinterpret_borrow<py::sequence>(padding);
    const Pair h = integers(py::object(s[0]), 0, op, "padding", what),
               w = integers(py::object(s[1]), 0, op, "padding", what);
    v.top = h.h, v.bottom = h.w, v.left = w.h, v.right = w.w;
  }
  place(v.H, v.kh, v.stride_h, v.dilation_h, same, op, "height", v.OH, v.top, v.bottom);
  place(v.W, v.kw, v.stride_w, v.dilation_w, same, op, "width", v.OW, v.left, v.right);
  checked_product({std::max<dim_t>(v.N, 1), v.H + v.top + v.bottom, v.W + v.left + v.right, std::max<dim_t>(v.C, 1)});
  return v;
}

}  // namespace lamina
