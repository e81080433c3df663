#include "bind/window.h"

namespace lamina {
namespace {

constexpr dim_t kLargest = dim_t(1) << 30;  // so that sums and products of two of them fit

dim_t integer(py::handle h, dim_t least, const char* op, const char* name) {
  const auto number = py::reinterpret_steal<py::object>(PyBool_Check(h.ptr()) ? nullptr : PyNumber_Index(h.ptr()));
  PyErr_Clear();
  check(bool(number), op, ": ", name, " must be integers, got ", Repr{h});
  const Py_ssize_t n = PyNumber_AsSsize_t(number.ptr(), nullptr);  // clipped where it does not fit
  check(n >= least && n <= kLargest, op, ": ", name, " must be at least ", least, ", got ", Repr{h});
  return n;
}

bool is_sequence(py::handle h, int size) {
  return (PyTuple_Check(h.ptr()) || PyList_Check(h.ptr())) && py::len(h) == size_t(size);
}

py::object item(py::handle h, int i) { return py::reinterpret_borrow<py::sequence>(h)[i]; }

const char* axis_name(int axis, int rank) {
  constexpr const char* names[] = {"depth", "height", "width"};
  return rank == 1 ? "length" : names[axis];
}

struct Padding {
  std::string name;  // empty: numbers
  Triple before{}, after{};

  bool is_same() const { return name == "same" || name == "same_lower"; }
  // The part of `total` that "same" puts in front: of an odd one the smaller half, "same_lower" the larger.
  dim_t front(dim_t total) const { return name == "same_lower" ? total - total / 2 : total / 2; }
};

Padding parse_padding(py::handle h, int rank, bool causal, const char* op) {
  Padding p;
  if (py::isinstance<py::str>(h)) {
    p.name = to_text(h, op, "padding");
    check(p.is_same() || p.name == "valid" || (causal && rank == 1 && p.name == "causal"), op, ": padding is '", p.name,
          "', expected 'valid', 'same'", causal && rank == 1 ? ", 'causal'" : "",
          " or numbers, for each axis one or (before, after), or 'same_lower'");
    return p;
  }
  const bool one = PyIndex_Check(h.ptr());
  check(one || is_sequence(h, rank), op, ": padding must be 'valid', 'same', an integer or, for each of ", rank,
        rank == 1 ? " axis" : " axes", ", an integer or (before, after), or 'same_lower'; got ", Repr{h});
  for (int i = 0; i < rank; i++) {
    const py::object sides = one ? py::reinterpret_borrow<py::object>(h) : item(h, i);
    const bool pair = is_sequence(sides, 2);
    const int axis = kAxes - rank + i;
    p.before[axis] = integer(pair ? item(sides, 0) : sides, 0, op, "padding");
    p.after[axis] = integer(pair ? item(sides, 1) : sides, 0, op, "padding");
  }
  return p;
}

// A window over x of sizes that are known; `out` and what stands around the input are still to be set.
Window start(Sizes x, int rank, const Triple& taps, py::handle strides, py::handle dilation, const char* op) {
  Window v{};
  v.N = x.data[0];
  v.taps = taps;
  v.stride = parse_sizes(strides, rank, 1, op, "strides");
  v.dilation = parse_sizes(dilation, rank, 1, op, "dilation_rate");
  v.in = {1, 1, 1};
  for (int i = kAxes - rank; i < kAxes; i++) {
    v.in[i] = x.data[i + rank + 1 - kAxes];
    check(taps[i] >= 1, op, ": the kernel's ", axis_name(i, rank), " is ", taps[i], ", expected 1 or more");
    check(v.in[i] <= kLargest && taps[i] <= kLargest, op, ": ", std::max(v.in[i], taps[i]),
          " is too large for the size of an image or kernel");
  }
  return v;
}

void check_size(const Window& v, dim_t channels) {
  Triple padded;
  for (int i = 0; i < kAxes; i++) padded[i] = v.in[i] + v.before[i] + std::max<dim_t>(v.after[i], 0);
  checked_product({std::max<dim_t>(v.N, 1), padded[0], padded[1], padded[2], std::max<dim_t>(channels, 1)});
}

}  // namespace

int parse_rank(Sizes x, const char* op) {
  check(x.rank >= 3 && x.rank <= kAxes + 2, op, ": x is ", x, ", expected (N, T, C), (N, H, W, C) or (N, D, H, W, C)");
  return x.rank - 2;
}

Triple parse_sizes(py::handle value, int rank, dim_t least, const char* op, const char* name) {
  Triple s{1, 1, 1};
  const bool one = PyIndex_Check(value.ptr());
  check(one || is_sequence(value, rank), op, ": ", name, " must be an integer or ", rank,
        " of them, one for each axis between batch and channels; got ", Repr{value});
  for (int i = 0; i < rank; i++)
    s[kAxes - rank + i] = integer(one ? value : py::handle(item(value, i)), least, op, name);
  return s;
}

std::vector<dim_t> images(dim_t N, const Triple& sizes, dim_t C, int rank) {
  std::vector<dim_t> shape{N};
  shape.insert(shape.end(), sizes.end() - rank, sizes.end());
  shape.push_back(C);
  return shape;
}

Window parse_window(Sizes x, const Triple& taps, py::handle strides, py::handle padding, py::handle dilation, bool ceil,
                    const char* op) {
  const int rank = parse_rank(x, op);
  Window v = start(x, rank, taps, strides, dilation, op);
  v.C = x.data[x.rank - 1];
  const Padding p = parse_padding(padding, rank, true, op);
  v.before = p.before, v.after = p.after;
  for (int i = 0; i < kAxes; i++) {
    const dim_t extent = (taps[i] - 1) * v.dilation[i] + 1, stride = v.stride[i];
    if (p.is_same()) {
      v.out[i] = (v.in[i] + stride - 1) / stride;
      const dim_t total = std::max<dim_t>(0, (v.out[i] - 1) * stride + extent - v.in[i]);
      v.before[i] = p.front(total);
      v.after[i] = total - v.before[i];
      continue;
    }
    if (p.name == "causal") v.before[i] = extent - 1;
    const dim_t padded = v.in[i] + v.before[i] + v.after[i], room = padded - extent;
    check(room >= 0, op, ": a kernel of ", axis_name(i, rank), " ", taps[i],
          v.dilation[i] > 1 ? concat(" (", extent, " dilated)") : std::string(), " is larger than the padded input's ",
          padded, "; pad more, or use padding='same'");
    v.out[i] = room / stride + 1;
    if (ceil && room % stride && v.out[i] * stride < v.in[i] + v.before[i]) v.out[i]++;
  }
  check_size(v, v.C);
  return v;
}

Window parse_transposed_window(Sizes x, dim_t C, const Triple& taps, py::handle strides, py::handle padding,
                               py::handle output_padding, py::handle dilation, const char* op) {
  const int rank = parse_rank(x, op);
  Window v = start(x, rank, taps, strides, dilation, op);
  v.C = C;
  v.out = v.in;
  const Padding p = parse_padding(padding, rank, false, op);
  const bool given = !output_padding.is_none();
  Triple extra{};
  if (given) extra = parse_sizes(output_padding, rank, 0, op, "output_padding");
  for (int i = 0; i < kAxes; i++) {
    if (i < kAxes - rank) extra[i] = 0;
    const dim_t extent = (taps[i] - 1) * v.dilation[i] + 1, stride = v.stride[i];
    check(extra[i] == 0 || extra[i] < std::max(stride, v.dilation[i]), op, ": output_padding is ", extra[i],
          " along the ", axis_name(i, rank), ", expected less than the stride ", stride,
          v.dilation[i] > 1 ? concat(" or the dilation ", v.dilation[i]) : "");
    // Keras's rule: "same" cuts so many of the (out - 1) * stride + extent pixels, and adds at the end alone.
    const dim_t cut = extent - (given ? extent % 2 + extra[i] : stride);
    if (p.is_same()) {
      v.before[i] = p.front(std::max<dim_t>(cut, 0));
      v.after[i] = cut - v.before[i];
    } else {
      v.before[i] = p.before[i];
      v.after[i] = p.after[i] - (given || p.name.empty() ? extra[i] : std::max<dim_t>(stride - extent, 0));
    }
    v.in[i] = v.out[i] == 0 ? 0 : (v.out[i] - 1) * stride + extent - v.before[i] - v.after[i];
    check(v.out[i] == 0 || v.in[i] >= 1, op, ": padding ", v.before[i], " and ", v.after[i], " leaves no ",
          axis_name(i, rank), " of ", v.in[i] + v.before[i] + v.after[i], "; pad less");
    check(v.in[i] <= kLargest, op, ": a result of ", axis_name(i, rank), " ", v.in[i], " is too large");
  }
  check_size(v, std::max(C, x.data[x.rank - 1]));
  return v;
}

}  // namespace lamina
