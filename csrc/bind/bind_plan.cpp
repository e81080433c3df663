// Recording and replaying plans.
#include <algorithm>
#include <cstring>

#include "bind/array.h"
#include "bind/define.h"
#include "bind/families.h"
#include "bind/tensor.h"
#include "core/this_thread.h"
#include "plan/batches.h"

namespace lamina {

namespace {

// The array that an argument is, or that is the value of a tensor which wants no gradient; else nothing. Of subclasses
// of tensors (variables, tensors with a mask) the array is not all.
py::object array_of(py::handle argument, const TensorClass& tensor) {
  if (py::isinstance<py::array>(argument)) return py::reinterpret_borrow<py::object>(argument);
  if (!tensor.is_exactly(argument.ptr()) || !tensor.requires_grad.is(argument.ptr(), Py_False)) return py::object();
  py::object value = tensor.array.get(argument.ptr());
  return value && py::isinstance<py::array>(value) ? value : py::object();
}

// The copy of an array of the plan's memory, which the next run overwrites.
py::object own_copy(py::handle of) {
  constexpr int in_c_order = 0;
  PyObject* copy = py::detail::npy_api::get().PyArray_NewCopy_(of.ptr(), in_c_order);
  if (!copy) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(copy);
}

class Recorder {
 public:
  void start() {
    check(!recording, "a plan is being recorded already");
    dry_ = false;
    kept_.clear();
    plan_ = std::make_unique<Plan>();
    recording = plan_.get();
    kept_objects = &kept_;
  }
  void start_dry() {
    start();
    dry_ = true;
    skip_regions(true);
  }
  void stop() {
    if (recording == plan_.get() || recording == trace_.get()) recording = nullptr, kept_objects = nullptr;
    if (dry_) skip_regions(false);
    trace_.reset();
  }
  // Runs code that recorded this plan once more, for the error of the run that failed: no native step is done.
  void retrace() {
    check(plan_ && !recording, "there is no plan to retrace, or one is being recorded");
    check(plan_->failed(), "no run of this plan has failed");
    trace_ = std::make_unique<Plan>();
    trace_->retrace(*plan_);
    recording = trace_.get();
  }
  void run() const {
    check_recorded();
    const ReleaseGil release;
    plan_->run();
  }
  // The arrays that every run reads its arguments from; and the class of tensors.
  void set_slots(const py::tuple& slots, py::handle tensor) {
    std::vector<py::array> arrays;
    for (py::handle slot : slots) {
      view(slot, "Plan.set_slots", "a slot", true);
      arrays.push_back(py::reinterpret_borrow<py::array>(slot));
    }
    slots_ = std::move(arrays);
    tensor_ = TensorClass(tensor);
  }
  // Copies arguments, arrays or tensors that want no gradient, into the slots; false, and nothing copied, unless each
  // is a contiguous array of its slot's shape and type.
  bool load(const py::tuple& args) const {
    if (args.size() != slots_.size()) return false;
    constexpr std::size_t most = 16;  // of arguments: of more, the caller fills the slots itself
    const void* from[most];
    if (slots_.size() > most) return false;
    for (std::size_t i = 0; i < slots_.size(); i++) {
      const py::object a = array_of(args[i], tensor_);
      if (!a) return false;
      const auto *x = py::detail::array_proxy(a.ptr()), *slot = py::detail::array_proxy(slots_[i].ptr());
      if (x->descr != slot->descr || x->nd != slot->nd || !(x->flags & py::array::c_style) ||
          !std::equal(x->dimensions, x->dimensions + x->nd, slot->dimensions))
        return false;
      from[i] = x->data;
    }
    for (std::size_t i = 0; i < slots_.size(); i++) {
      char* to = static_cast<char*>(py::detail::array_proxy(slots_[i].ptr())->data);
      const char* source = static_cast<const char*>(from[i]);
      parallel_for(slots_[i].nbytes(), 4 * kGrain, [&](dim_t begin, dim_t end) {
        std::memcpy(to + begin, source + begin, static_cast<std::size_t>(end - begin));
      });
    }
    return true;
  }
  // A whole call. `leaves` are six tuples of tensors: those that must want a gradient, must not, must have one, must
  // have none; and those that have one, or none, afterwards. None, and nothing done, unless leaves and arguments fit.
  // The result is a copy of `result`, an array in the plan's memory, as a tensor or `bare`, or a tuple of them, where
  // None stays None; True where it is None.
  py::object call(const py::tuple& args, const py::tuple& leaves, py::handle result, bool bare) const {
    check(leaves.size() == 6, "Plan.call: leaves: expected six tuples, got ", leaves.size());
    check(tensor_.is_known(), "Plan.call: set_slots comes first");
    const bool several = PyTuple_Check(result.ptr());
    const auto expect_array = [](py::handle one) {
      if (!one.is_none() && !py::isinstance<py::array>(one))
        throw py::type_error(concat("Plan.call: result: expected an array or None, got ", describe(one)));
    };
    if (!several)
      expect_array(result);
    else
      for (py::handle one : py::reinterpret_borrow<py::tuple>(result)) expect_array(one);
    const auto all = [&](std::size_t i, const Member& slot, PyObject* wanted) {
      for (py::handle leaf : items(leaves[i]))
        if (!tensor_.is(leaf.ptr()) || !slot.is(leaf.ptr(), wanted)) return false;
      return true;
    };
    if (!all(0, tensor_.requires_grad, Py_True) || !all(1, tensor_.requires_grad, Py_False) ||
        !all(2, tensor_.grad_is_set, Py_True) || !all(3, tensor_.grad_is_set, Py_False) || !load(args))
      return py::none();
    run();
    for (py::handle leaf : items(leaves[4])) tensor_.grad_is_set.set(leaf.ptr(), Py_True);
    for (py::handle leaf : items(leaves[5])) tensor_.grad_is_set.set(leaf.ptr(), Py_False);
    if (result.is_none()) return py::bool_(true);
    const auto copied = [&](py::handle of) {
      if (of.is_none()) return py::object(py::none());
      py::object copy = own_copy(of);
      return bare ? copy : tensor_.wrap(copy);
    };
    if (!several) return copied(result);
    const auto results = py::reinterpret_borrow<py::tuple>(result);
    py::tuple copies(results.size());
    for (std::size_t i = 0; i < results.size(); i++) copies[i] = copied(results[i]);
    return copies;
  }
  // Run i reads batch i of the columns, which hold batch after batch for each slot, and row i of each table, (values,
  // where they go); its results, (of the plan, where they are kept), become row i there. Returns how many runs were
  // done within so many milliseconds; batches_done() says it where one throws.
  dim_t run_batches(const py::tuple& columns, const py::tuple& tables, const py::tuple& results, dim_t batches,
                    dim_t milliseconds) {
    constexpr const char* op = "Plan.run_batches";
    check(plan_ && recording != plan_.get(), "this plan has not been recorded");
    check(columns.size() == slots_.size(), op, ": expected ", slots_.size(), " columns, got ", columns.size());
    check(batches >= 0, op, ": batches must not be negative, got ", batches);
    check(milliseconds >= 0 && milliseconds <= 3600000, op, ": expected at most an hour, got ", milliseconds, " ms");
    std::vector<Moved> before, after;
    std::vector<View> views;  // which keep what they look at
    const auto moved = [&](const View& one, const View& many, const char* name, bool reads) {
      check(one.dtype() == many.dtype(), op, ": ", name, " differ in their dtypes");
      check(one.size() == 0 || many.size() / one.size() >= batches, op, ": ", name, " hold fewer than ", batches,
            " batches");
      char *a = static_cast<char*>(one.data()), *b = static_cast<char*>(many.data());
      const auto bytes = static_cast<std::size_t>(py::reinterpret_borrow<py::array>(one.handle()).nbytes());
      (reads ? before : after).push_back(reads ? Moved{b, a, bytes} : Moved{a, b, bytes});
      views.push_back(one), views.push_back(many);
    };
    for (std::size_t i = 0; i < slots_.size(); i++)
      moved(view(slots_[i], op, "a slot", true), view(columns[i], op, "a column", false), "columns", true);
    const auto pairs = [&](const py::tuple& given, const char* name, bool reads) {
      for (py::handle pair : given) {
        check(py::isinstance<py::tuple>(pair) && py::len(pair) == 2, op, ": ", name, " are pairs of arrays");
        const View from = view(pair[py::int_(0)], op, name, false), to = view(pair[py::int_(1)], op, name, true);
        reads ? moved(to, from, name, true) : moved(from, to, name, false);
      }
    };
    pairs(tables, "tables", true);
    pairs(results, "results", false);
    const ReleaseGil release;
    lamina::run_batches(*plan_, batches, before, after, std::chrono::milliseconds(milliseconds), batches_done_);
    return batches_done_;
  }
  dim_t batches_done() const { return batches_done_; }
  py::list steps() const {
    py::list names;
    for (std::size_t i = 0; plan_ && i < plan_->size(); i++) names.append(py::str(plan_->name(i)));
    return names;
  }
  void run_step(dim_t i) const {
    check_index(plan_ && i >= 0 && i < dim_t(plan_->size()), "no step ", i);
    const ReleaseGil release;
    plan_->run_step(std::size_t(i));
  }
  dim_t size() const { return plan_ ? dim_t(plan_->size()) : 0; }
  // Of each step: seconds of this run, bytes of scratch, work, bytes of its arrays.
  py::list run_measured() const {
    check_recorded();
    const std::size_t n = plan_->size();
    std::vector<double> seconds(n);
    std::vector<std::size_t> scratch(n);
    {
      const ReleaseGil release;
      plan_->run_measured(seconds.data(), scratch.data());
    }
    py::list all;
    for (std::size_t i = 0; i < n; i++)
      all.append(py::make_tuple(seconds[i], scratch[i], plan_->work(i), plan_->traffic(i)));
    return all;
  }
  std::ptrdiff_t in_use() const { return plan_ ? plan_->held() : 0; }
  bool owns(py::handle a) const {
    return plan_ && py::isinstance<py::array>(a) && plan_->arena()->owns(py::detail::array_proxy(a.ptr())->data);
  }
  std::string refusal() const { return plan_ ? plan_->refusal() : ""; }
  std::size_t bytes() const { return plan_ ? plan_->arena()->bytes() : 0; }
  ~Recorder() { stop(); }

 private:
  static py::tuple items(py::handle tensors) { return to_items(tensors, "Plan.call", "leaves", "tensors"); }

  void check_recorded() const {
    check(plan_ && recording != plan_.get(), "this plan has not been recorded");
    check(!dry_, "this plan was recorded without computing anything");
  }

  bool dry_ = false;
  std::unique_ptr<Plan> plan_, trace_;
  std::vector<py::object> kept_;
  std::vector<py::array> slots_;
  TensorClass tensor_;
  dim_t batches_done_ = 0;
};

// A method as a function of its object.
template <auto method>
struct Method;
template <class R, class... P, R (Recorder::*method)(P...)>
struct Method<method> {
  static R call(Recorder& r, P... p) { return (r.*method)(p...); }
};
template <class R, class... P, R (Recorder::*method)(P...) const>
struct Method<method> {
  static R call(Recorder& r, P... p) { return (r.*method)(p...); }
};

bool is_recording() { return recording != nullptr; }

}  // namespace

void bind_plan(py::module_& m) {
  py::class_<Recorder> plan(m, "Plan", "Native steps recorded in one run, replayed in one call without the GIL.");
  plan.def(py::init<>());
  define(plan, "start", Method<&Recorder::start>::call, "", "Record what this thread runs from now on.");
  define(plan, "start_dry", Method<&Recorder::start_dry>::call, "",
         "As start(), for the memory alone: it is taken as ever, but what threads would share is not computed.");
  define(plan, "stop", Method<&Recorder::stop>::call, "", "End the recording.");
  define(plan, "retrace", Method<&Recorder::retrace>::call, "",
         "Until stop(), what this thread runs is not done; in place of the step at which run() failed, its error.");
  define(plan, "set_slots", Method<&Recorder::set_slots>::call, "slots, tensor",
         "The arrays that a run reads its arguments from; the class of tensors.");
  define(plan, "load", Method<&Recorder::load>::call, "args",
         "Copy arrays or tensors into the slots; False, and nothing copied, unless all are contiguous and fit.");
  define(plan, "call", Method<&Recorder::call>::call, "args, leaves, result, bare",
         "If leaves and arguments fit, run; a copy of result as a tensor, or bare, and True where that is None.");
  define(plan, "run", Method<&Recorder::run>::call, "", "Replay every step.");
  define(plan, "run_batches", Method<&Recorder::run_batches>::call, "columns, tables, results, batches, milliseconds",
         "Replay batch after batch of the columns, with rows of (values, destination) tables, keeping (result, rows).");
  define_property(plan, "batches_done", Method<&Recorder::batches_done>::call, "How many the last run_batches did.");
  define(plan, "run_step", Method<&Recorder::run_step>::call, "i", "Replay one step (profiling).");
  define(plan, "run_measured", Method<&Recorder::run_measured>::call, "",
         "Replay every step; of each its seconds, bytes of scratch, work, bytes of its arrays.");
  define_property(plan, "size", Method<&Recorder::size>::call, "How many steps there are.");
  define_property(plan, "in_use", Method<&Recorder::in_use>::call, "Memory of the results that are still held.");
  define(plan, "owns", Method<&Recorder::owns>::call, "x", "Whether the array is a result of this plan.");
  define_property(plan, "steps", Method<&Recorder::steps>::call, "The names of the steps.");
  define_property(plan, "refusal", Method<&Recorder::refusal>::call,
                  "Why a replay would be wrong; empty if it would not.");
  define_property(plan, "bytes", Method<&Recorder::bytes>::call, "Memory of all results.");
  define(m, "is_recording", is_recording, "", "Whether this thread records a plan.");
}

}  // namespace lamina
