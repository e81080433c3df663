#include "bind/array.h"

#include <cstdint>

namespace lamina {
namespace {

// The plan under record keeps alive what its steps point to, unless its own arena does.
void keep_for_plan(const py::object& o, const void* data);

std::optional<Dtype> dtype_from(int type_num, py::ssize_t itemsize, char kind) {
  (void)type_num;
  switch (kind) {
    case 'f':
      return itemsize == 4 ? std::optional(Dtype::f32) : itemsize == 8 ? std::optional(Dtype::f64) : std::nullopt;
    case 'i':
      return itemsize == 4 ? Dtype::i32 : itemsize == 8 ? Dtype::i64 : itemsize == 1 ? Dtype::i8 : Dtype::i16;
    case 'u':
      return itemsize == 1 ? Dtype::u8 : itemsize == 2 ? Dtype::u16 : itemsize == 4 ? Dtype::u32 : Dtype::u64;
    case 'b':
      return Dtype::boolean;
  }
  return std::nullopt;
}

const py::dtype& numpy_dtype(Dtype d) {
  static py::dtype* types[11] = {};
  auto& t = types[static_cast<int>(d)];
  if (!t) t = new py::dtype(dtype_name(d));  // never destroyed: results may outlive the module
  return *t;
}

constexpr std::size_t kItemSize[] = {4, 8, 4, 8, 1, 1, 1, 2, 2, 4, 8};

struct Block {
  void* data;
  std::size_t bytes;
  std::shared_ptr<Arena> arena;
};

void release_block(void* p) {
  auto* b = static_cast<Block*>(p);
  if (b->arena)
    b->arena->release(b->data, b->bytes);
  else
    pool_release(b->data, b->bytes);
  delete b;
}

}  // namespace

thread_local std::vector<py::object>* kept_objects = nullptr;

namespace {
void keep_for_plan(const py::object& o, const void* data) {
  if (recording && kept_objects && !recording->arena()->owns(data)) kept_objects->push_back(o);
}
}  // namespace

std::string shape_string(const py::ssize_t* shape, int ndim) {
  std::string s = "(";
  for (int i = 0; i < ndim; i++) s += (i ? ", " : "") + std::to_string(shape[i]);
  return s + (ndim == 1 ? ",)" : ")");
}

std::string View::shape_string() const { return lamina::shape_string(shape(), ndim()); }

dim_t View::step(int i) const {
  return proxy()->strides[i < 0 ? i + ndim() : i] / static_cast<dim_t>(kItemSize[static_cast<int>(dtype_)]);
}

namespace {
// Elements follow each other along the last axis, and other axes step over whole elements.
bool rows_are_contiguous(const py::array& a) {
  const py::ssize_t size = a.itemsize(), last = a.ndim() - 1;
  if (last < 0) return false;
  for (py::ssize_t i = 0; i < last; i++)
    if (a.strides(i) % size != 0) return false;
  return a.strides(last) == size || a.shape(last) <= 1;
}

// Whether strides alone tell the array from a contiguous one: it is aligned, of native byte order, of whole steps.
bool is_strided(const py::array& a, Dtype dtype) {
  const auto* proxy = py::detail::array_proxy(a.ptr());
  const char order = a.dtype().byteorder();
  bool fits = (proxy->flags & py::detail::npy_api::NPY_ARRAY_ALIGNED_) && (order == '=' || order == '|');
  for (int i = 0; fits && i < proxy->nd; i++) fits = proxy->strides[i] % item_size(dtype) == 0;
  return fits;
}
}  // namespace

View view(py::handle h, const char* op, const char* name, bool writable, bool strided) {
  View v;
  if (!py::isinstance<py::array>(h))
    throw py::type_error(
        concat(op, ": ", name, " must be an array, got ", std::string(py::str(py::type::handle_of(h)))));
  auto a = py::reinterpret_borrow<py::array>(h);
  constexpr int kAligned = py::detail::npy_api::NPY_ARRAY_ALIGNED_;
  constexpr int kContiguous = py::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_;
  const int flags = py::detail::array_proxy(a.ptr())->flags;
  const py::dtype dt = a.dtype();
  const auto dtype = dtype_from(dt.num(), dt.itemsize(), dt.kind());
  if (!dtype)
    throw py::type_error(concat(op, ": ", name, " has dtype ", std::string(py::str(dt)), "; expected numbers"));
  const bool native = dt.byteorder() == '=' || dt.byteorder() == '|';
  const bool in_order = (flags & kContiguous) || (strided && rows_are_contiguous(a));
  if (!(flags & kAligned) || !in_order || !native) {
    if (writable)
      throw py::value_error(concat(op, ": ", name, " is written in place and must be C-contiguous and aligned"));
    if (recording && is_strided(a, *dtype)) {
      v.object_ = contiguous(lamina::strided(a, op, name, false));  // a step of the plan, which reads the array anew
    } else {
      if (recording)
        recording->refuse(concat(op, ": ", name, " is misaligned or byte-swapped, copied outside of the plan"));
      const auto convert = py::module_::import("numpy").attr("ascontiguousarray");
      py::array copy = convert(a, numpy_dtype(*dtype));
      if (!(py::detail::array_proxy(copy.ptr())->flags & kAligned)) copy = copy.attr("copy")();
      v.object_ = a.ndim() == 0 ? py::object(copy.attr("reshape")(py::tuple())) : py::object(copy);
    }
  } else {
    if (writable && !a.writeable()) throw py::value_error(concat(op, ": ", name, " is written in place but read-only"));
    v.object_ = py::reinterpret_borrow<py::object>(h);
  }
  v.dtype_ = *dtype;
  keep_for_plan(v.object_, v.data());
  return v;
}

std::optional<View> optional_input(py::handle h, const char* op, const char* name) {
  if (h.is_none()) return std::nullopt;
  return input(h, op, name);
}

std::optional<View> optional_output(py::handle h, const char* op, const char* name) {
  if (h.is_none()) return std::nullopt;
  return output(h, op, name);
}

void expect(const View& v, const char* op, const char* name, const std::vector<dim_t>& shape, Dtype dtype) {
  if (v.dtype() != dtype)
    throw py::type_error(concat(op, ": ", name, " is ", dtype_name(v.dtype()), ", expected ", dtype_name(dtype),
                                "; convert it with .astype(\"", dtype_name(dtype), "\")"));
  bool same = v.ndim() == static_cast<int>(shape.size());
  if (same) {
    int i = 0;
    for (dim_t s : shape) same = same && v.dim(i++) == s;
  }
  if (!same) {
    const std::vector<py::ssize_t> want(shape.begin(), shape.end());
    throw py::value_error(concat(op, ": ", name, " has shape ", v.shape_string(), ", expected ",
                                 shape_string(want.data(), static_cast<int>(want.size()))));
  }
}

void expect_like(const View& v, const char* op, const char* name, const View& like) {
  if (v.dtype() != like.dtype())
    throw py::type_error(
        concat(op, ": ", name, " is ", dtype_name(v.dtype()), ", expected ", dtype_name(like.dtype())));
  bool same = v.ndim() == like.ndim();
  for (int i = 0; same && i < v.ndim(); i++) same = v.dim(i) == like.dim(i);
  if (!same)
    throw py::value_error(concat(op, ": ", name, " has shape ", v.shape_string(), ", expected ", like.shape_string()));
}

py::array empty(const std::vector<dim_t>& shape, Dtype dtype) {
  dim_t n = static_cast<dim_t>(kItemSize[static_cast<int>(dtype)]);
  for (dim_t s : shape) {
    check(s >= 0, "a size is negative: ", s);
    check(!__builtin_mul_overflow(n, s, &n) && n < (dim_t(1) << 46), "the product of sizes overflows");
  }
  std::vector<py::ssize_t> strides(shape.size());
  py::ssize_t step = static_cast<py::ssize_t>(kItemSize[static_cast<int>(dtype)]);
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = step;
    step *= std::max<dim_t>(1, shape[i]);
  }
  auto block = std::make_unique<Block>();
  block->bytes = static_cast<std::size_t>(std::max<dim_t>(n, 1));
  if (recording) {
    block->arena = recording->arena();
    block->data = block->arena->allocate(block->bytes);
  } else {
    block->data = pool_allocate(block->bytes);
  }
  void* data = block->data;
  py::capsule owner(block.release(), release_block);
  return py::array(numpy_dtype(dtype), std::vector<py::ssize_t>(shape.begin(), shape.end()), std::move(strides), data,
                   owner);
}

py::array empty_like(const View& v) { return empty(std::vector<dim_t>(v.shape(), v.shape() + v.ndim()), v.dtype()); }

GradientArray gradient(py::handle h, const char* op, const char* name, const View& like, int accumulate, int bit) {
  if (h.is_none()) return {std::nullopt, Grad::skip};
  GradientArray g{output(h, op, name), (accumulate >> bit) & 1 ? Grad::accumulate : Grad::write};
  expect_like(*g.v, op, name, like);
  return g;
}

Strided strided(py::handle h, const char* op, const char* name, bool writable) {
  if (py::isinstance<py::array>(h)) {
    const auto a = py::reinterpret_borrow<py::array>(h);
    const auto* proxy = py::detail::array_proxy(a.ptr());
    const py::dtype dt = a.dtype();
    const auto dtype = dtype_from(dt.num(), dt.itemsize(), dt.kind());
    if (dtype && is_strided(a, *dtype)) {
      if (writable && !a.writeable())
        throw py::value_error(concat(op, ": ", name, " is written in place but read-only"));
      keep_for_plan(a, proxy->data);
      return {a, *dtype, proxy->data, proxy->nd, proxy->dimensions, proxy->strides};
    }
  }
  const View v = view(h, op, name, writable);  // copies, or says what is wrong
  const auto* proxy = py::detail::array_proxy(v.handle().ptr());
  return {py::reinterpret_borrow<py::object>(v.handle()), v.dtype(), v.data(), v.ndim(), v.shape(), proxy->strides};
}

dim_t item_size(Dtype d) { return static_cast<dim_t>(kItemSize[static_cast<int>(d)]); }

Dtype parse_dtype(py::handle h, const char* op) {
  const auto d = py::dtype::from_args(py::reinterpret_borrow<py::object>(h));
  if (const auto dtype = dtype_from(d.num(), d.itemsize(), d.kind())) return *dtype;
  throw py::type_error(concat(op, ": expected a dtype of numbers, got ", std::string(py::str(d))));
}

Activation parse_activation(const std::string& name, const char* op) {
  if (name == "linear") return Activation::linear;
  if (name == "relu") return Activation::relu;
  if (name == "tanh") return Activation::tanh;
  if (name == "sigmoid") return Activation::sigmoid;
  throw py::value_error(
      concat(op, ": activation '", name, "' cannot be fused; expected linear, relu, tanh or sigmoid"));
}

}  // namespace lamina
