#include "bind/array.h"

#include <cstdint>
#include <cstdlib>

#include "bind/call.h"

namespace lamina {
namespace {

std::optional<Dtype> dtype_from(py::ssize_t itemsize, char kind) {
  switch (kind) {
    case 'f':
      return itemsize == 4 ? std::optional(Dtype::f32) : itemsize == 8 ? std::optional(Dtype::f64) : std::nullopt;
    case 'i': return itemsize == 4 ? Dtype::i32 : itemsize == 8 ? Dtype::i64 : itemsize == 1 ? Dtype::i8 : Dtype::i16;
    case 'u': return itemsize == 1 ? Dtype::u8 : itemsize == 2 ? Dtype::u16 : itemsize == 4 ? Dtype::u32 : Dtype::u64;
    case 'b': return Dtype::boolean;
  }
  return std::nullopt;
}

const py::dtype& numpy_dtype(Dtype d) {
  static const auto* types = [] {  // made at import; never destroyed: results may outlive the module
    auto* all = new std::vector<py::dtype>;
    for (int i = 0; i < 11; i++) all->emplace_back(dtype_name(static_cast<Dtype>(i)));
    return all;
  }();
  return (*types)[static_cast<std::size_t>(d)];
}

constexpr int kMaxNumpyAxes = 64;
constexpr std::size_t kItemSize[] = {4, 8, 4, 8, 1, 1, 1, 2, 2, 4, 8};

struct Block {
  void* data;
  std::size_t bytes;
  std::shared_ptr<Arena> arena;
};

void release_block(void* p) {
  auto* b = static_cast<Block*>(p);
  if (b->arena) {
    if (recording && recording->arena() == b->arena) recording->hold(-std::ptrdiff_t(b->bytes));
    b->arena->release(b->data, b->bytes);
  } else {
    pool_release(b->data, b->bytes);
  }
  delete b;
}

}  // namespace

void make_dtypes() { numpy_dtype(Dtype::f32); }

constinit thread_local std::vector<py::object>* kept_objects = nullptr;

namespace {
// The plan under record keeps alive what its steps point to, unless its own arena does, and notes how much that is.
void keep_array_for_plan(const py::object& o, const void* data) {
  if (!recording) return;
  recording->touch(static_cast<std::size_t>(py::reinterpret_borrow<py::array>(o).nbytes()));
  if (!recording->arena()->owns(data)) keep_for_plan(o);
}
}  // namespace

std::string Sizes::text() const {
  std::string s = "(";
  for (int i = 0; i < rank; i++) s += (i ? ", " : "") + (data[i] == kAny ? "any" : std::to_string(data[i]));
  return s + (rank == 1 ? ",)" : ")");
}

dim_t View::stride(int i) const {
  return proxy()->strides[i < 0 ? i + ndim() : i] / static_cast<dim_t>(kItemSize[static_cast<int>(dtype_)]);
}

void View::no_axis(int i) const {
  throw py::value_error(concat(op_, ": ", name_, " is ", sizes(), " and has no axis ", i));
}

void View::wrong_dtype(Dtype wanted) const {
  throw py::type_error(concat(op_, ": ", name_, " is ", dtype_name(dtype_), ", expected ", dtype_name(wanted),
                              "; convert it with .astype(\"", dtype_name(wanted), "\")"));
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

// Whether no two elements lie in one place. Of strides that are no slices of an array's, some are refused in vain.
bool elements_differ(const py::detail::PyArray_Proxy* a) {
  dim_t steps[64], sizes[64];
  int rank = 0;
  for (int i = 0; i < a->nd; i++) {
    if (a->dimensions[i] == 0) return true;
    if (a->dimensions[i] == 1) continue;
    const dim_t step = std::abs(a->strides[i]);
    int at = rank++;
    for (; at > 0 && steps[at - 1] > step; at--) steps[at] = steps[at - 1], sizes[at] = sizes[at - 1];
    steps[at] = step, sizes[at] = a->dimensions[i];
  }
  dim_t reach = 0;  // of the axes of smaller steps
  for (int i = 0; i < rank; i++) {
    if (steps[i] <= reach || steps[i] == 0) return false;
    reach += (sizes[i] - 1) * steps[i];
  }
  return true;
}
}  // namespace

View view(py::handle h, const char* op, const char* name, bool writable, bool rows_only) {
  View v;
  v.op_ = op, v.name_ = name;
  if (!py::isinstance<py::array>(h))
    throw py::type_error(concat(op, ": ", name, " must be an array, got ", describe(h)));
  auto a = py::reinterpret_borrow<py::array>(h);
  constexpr int kAligned = py::detail::npy_api::NPY_ARRAY_ALIGNED_;
  constexpr int kContiguous = py::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_;
  const int flags = py::detail::array_proxy(a.ptr())->flags;
  const py::dtype dt = a.dtype();
  const auto dtype = dtype_from(dt.itemsize(), dt.kind());
  if (!dtype)
    throw py::type_error(concat(op, ": ", name, " has dtype ", std::string(py::str(dt)), "; expected numbers"));
  const bool native = dt.byteorder() == '=' || dt.byteorder() == '|';
  const bool in_order = (flags & kContiguous) || (rows_only && rows_are_contiguous(a));
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
  keep_array_for_plan(v.object_, v.data());
  return v;
}

void expect(const View& v, const char* op, const char* name, Sizes shape, Dtype dtype) {
  if (v.dtype() != dtype)
    throw py::type_error(concat(op, ": ", name, " is ", dtype_name(v.dtype()), ", expected ", dtype_name(dtype),
                                "; convert it with .astype(\"", dtype_name(dtype), "\")"));
  if (!v.sizes().fit(shape))
    throw py::value_error(concat(op, ": ", name, " has shape ", v.sizes(), ", expected ", shape.text()));
}

int parse_axis(py::handle h, const View& x, const char* op, const char* name) {
  const dim_t axis = to_integer(h, op, name);
  check(axis >= -x.ndim() && axis < x.ndim(), op, ": ", name, " ", axis, " is outside x, which is ", x.sizes());
  return static_cast<int>(axis < 0 ? axis + x.ndim() : axis);
}

Along parse_along(py::handle h, const View& x, const char* op) {
  const int axis = parse_axis(h, x, op);
  return {.axis = axis,
          .outer = Sizes(x.shape(), axis).product(),
          .n = x.dim(axis),
          .inner = Sizes(x.shape() + axis + 1, x.ndim() - axis - 1).product()};
}

void Call::note(const View& v, bool written) {
  const auto* a = v.proxy();
  note(Strided{v.object_, v.dtype_, a->data, a->nd, a->dimensions, a->strides}, v.name_, written);
}

void Call::note(const Strided& v, const char* name, bool written) {
  const char *low = static_cast<const char*>(v.data), *high = low + item_size(v.dtype);
  for (int i = 0; i < v.ndim; i++) {
    if (v.shape[i] == 0) return;
    (v.strides[i] < 0 ? low : high) += (v.shape[i] - 1) * v.strides[i];
  }
  note({low, high, name, v.object.ptr(), written});
}

void Call::note(const Range& r) {
  for (int i = 0; i < count_; i++) {
    const Range& o = ranges_[i];
    if (r.written == o.written || r.begin >= o.end || o.begin >= r.end) continue;
    if (in_place_ && r.begin == o.begin && r.end == o.end) continue;
    // Strided arrays may lie between each other's elements.
    const auto shares = py::module_::import("numpy").attr("shares_memory");
    const Range &from = r.written ? o : r, &to = r.written ? r : o;
    check(!py::cast<bool>(shares(py::handle(from.array), py::handle(to.array))), op_, ": ", to.name,
          " is written and shares memory with ", from.name, "; give it an array of its own");
  }
  if (count_ < kMost) ranges_[count_++] = r;
}

py::array empty(Sizes sizes, Dtype dtype) {
  std::vector<py::ssize_t> shape = sizes.vector();
  check(sizes.rank <= kMaxNumpyAxes, "an array of ", sizes.rank, " axes; NumPy's have at most ", kMaxNumpyAxes);
  std::vector<py::ssize_t> strides(shape.size());
  dim_t step = item_size(dtype), n = step;  // the distance along an axis counts an empty one as 1
  for (std::size_t i = shape.size(); i-- > 0;) {
    check(shape[i] >= 0, "a size is negative: ", shape[i]);
    strides[i] = step;
    check(!__builtin_mul_overflow(step, std::max<dim_t>(1, shape[i]), &step) && step < (dim_t(1) << 46),
          "the product of sizes overflows");
    n *= std::min<dim_t>(1, shape[i]);
  }
  // Kernels go over rows: of a result without elements there may be more than one can count to.
  check(n || step < (dim_t(1) << 34), "a result without elements, and the product of its other sizes overflows");
  n = n ? step : 0;
  auto block = std::make_unique<Block>();
  block->bytes = static_cast<std::size_t>(std::max<dim_t>(n, 1));
  if (recording) {
    recording->touch(block->bytes);
    recording->hold(std::ptrdiff_t(block->bytes));
    block->arena = recording->arena();
    block->data = block->arena->allocate(block->bytes);
  } else {
    block->data = pool_allocate(block->bytes);
  }
  void* data = block->data;
  py::capsule owner(block.release(), release_block);
  return py::array(numpy_dtype(dtype), std::move(shape), std::move(strides), data, owner);
}

Strided strided(py::handle h, const char* op, const char* name, bool writable) {
  if (py::isinstance<py::array>(h)) {
    const auto a = py::reinterpret_borrow<py::array>(h);
    const auto* proxy = py::detail::array_proxy(a.ptr());
    const py::dtype dt = a.dtype();
    const auto dtype = dtype_from(dt.itemsize(), dt.kind());
    if (dtype && is_strided(a, *dtype)) {
      if (writable && !a.writeable())
        throw py::value_error(concat(op, ": ", name, " is written in place but read-only"));
      if (writable && !elements_differ(proxy))
        throw py::value_error(concat(op, ": ", name, " is written in place and has elements that share memory"));
      keep_array_for_plan(a, proxy->data);
      return {a, *dtype, proxy->data, proxy->nd, proxy->dimensions, proxy->strides};
    }
  }
  const View v = view(h, op, name, writable);  // copies, or says what is wrong
  const auto* proxy = py::detail::array_proxy(v.handle().ptr());
  return {py::reinterpret_borrow<py::object>(v.handle()), v.dtype(), v.data(), v.ndim(), v.shape(), proxy->strides};
}

dim_t item_size(Dtype d) { return static_cast<dim_t>(kItemSize[static_cast<int>(d)]); }

Dtype parse_dtype(py::handle h, const char* op) {
  if (h.is_none()) throw py::type_error(concat(op, ": dtype: expected a dtype, got None"));
  py::dtype d;
  try {
    d = py::dtype::from_args(py::reinterpret_borrow<py::object>(h));
  } catch (py::error_already_set& e) {
    if (!e.matches(PyExc_TypeError) && !e.matches(PyExc_ValueError)) throw;
    throw py::type_error(concat(op, ": dtype: expected a dtype, got ", describe(h)));
  }
  if (const auto dtype = dtype_from(d.itemsize(), d.kind())) return *dtype;
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
