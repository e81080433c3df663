#include <algorithm>
#include <cmath>
#include <limits>

#include "bind/call.h"
#include "bind/define.h"
#include "bind/families.h"
#include "bind/touched_rows.h"
#include "ops/optimizer.h"

namespace lamina {
namespace {

constexpr const char* kGroup = "ParameterGroup";

// The items of a list or another sequence, one for each of n weights.
py::tuple one_each(py::handle h, const char* name, std::size_t n) {
  py::tuple items = to_items(h, kGroup, name, "arrays");
  check(items.size() == n, kGroup, ": ", n, " weights but ", items.size(), " ", name);
  return items;
}

// The arrays of a group, with the Python objects that own them.
class BoundGroup {
 public:
  const py::object weights, gradients, slots, decays, active, learning_rate, iterations, touched;

  BoundGroup(py::handle weights_, py::handle gradients_, py::handle slots_, py::handle decays_, py::handle active_,
             py::handle rate_, py::handle iterations_, py::handle touched_)
      : weights(owned(weights_)),
        gradients(owned(gradients_)),
        slots(owned(slots_)),
        decays(owned(decays_)),
        active(owned(active_)),
        learning_rate(owned(rate_)),
        iterations(owned(iterations_)),
        touched(owned(touched_)) {
    const py::tuple ws = to_items(weights, kGroup, "weights", "arrays");
    const std::size_t n = ws.size();
    const py::tuple gs = one_each(gradients, "gradients", n), states = to_items(slots, kGroup, "slots", "lists");
    check(states.size() <= kMaxSlots, kGroup, ": at most ", kMaxSlots, " slots, got ", states.size());
    py::tuple sets = touched.is_none() ? py::tuple() : to_items(touched, kGroup, "touched", "TouchedRows");
    if (!sets.empty()) sets = one_each(touched, "touched", n);
    std::vector<py::tuple> arrays;
    for (py::handle state : states) arrays.push_back(one_each(state, "arrays of a slot", n));
    group_.slots = static_cast<int>(states.size());
    for (std::size_t i = 0; i < n; i++) {
      Call call(kGroup);
      const View w = keep(call.first_destination(ws[i], "a weight"));
      with_float(w.dtype(), "ParameterGroup: a weight", [](auto) {});
      const View g = keep(call.input(writable(gs[i]), "a gradient", w.sizes()));
      Parameter p{
          .w = w.data(), .g = g.data(), .slots = {}, .n = w.size(), .dtype = w.dtype(), .touched = nullptr, .row = 0};
      if (!sets.empty()) p.touched = parse_touched(sets[i], kGroup, w);
      if (p.touched) p.row = p.n / std::max<dim_t>(w.dim(0), 1);
      for (std::size_t s = 0; s < arrays.size(); s++)
        p.slots[s] = keep(call.destination(arrays[s][i], "a slot", w.sizes())).data();
      group_.parameters.push_back(p);
      elements_ += p.n;
    }
    Call call(kGroup);
    group_.decays = vector<bool>(call, decays, "decays", dim_t(n));
    group_.active = vector<bool>(call, active, "active", dim_t(n));
    group_.rate = vector<double>(call, learning_rate, "learning_rate", 1);
    group_.iterations = vector<std::int64_t>(call, iterations, "iterations", 1);
  }

  const ParameterGroup* get() const { return &group_; }
  dim_t elements() const { return elements_; }

 private:
  static py::object owned(py::handle h) { return py::reinterpret_borrow<py::object>(h); }
  // A gradient is read, but in place: a copy made here would not follow what backward writes.
  static py::handle writable(py::handle h) {
    view(h, kGroup, "a gradient", true);
    return h;
  }
  View keep(View v) {
    views_.push_back(v);
    return v;
  }
  template <class T>
  T* vector(Call& call, py::handle h, const char* name, dim_t n) {
    return keep(call.destination(h, name, {n}, dtype_of<T>())).template as<T>();
  }

  ParameterGroup group_;
  std::vector<View> views_;
  dim_t elements_ = 0;
};

std::unique_ptr<BoundGroup> make_group(py::handle weights, py::handle gradients, py::handle slots, py::handle decays,
                                       py::handle active, py::handle learning_rate, py::handle iterations,
                                       py::handle touched) {
  return std::make_unique<BoundGroup>(weights, gradients, slots, decays, active, learning_rate, iterations, touched);
}

Regularization regularization(double weight_decay, double clipvalue, double clipnorm, double global_clipnorm) {
  check(clipvalue > 0 && clipnorm > 0 && global_clipnorm > 0, "optimizer: limits of clipping must be positive");
  check(std::isinf(clipnorm) || std::isinf(global_clipnorm),
        "optimizer: clipnorm and global_clipnorm exclude each other");
  return {
      .weight_decay = weight_decay, .clipvalue = clipvalue, .clipnorm = clipnorm, .global_clipnorm = global_clipnorm};
}

template <auto op, class Args>
void run_step(const char* name, BoundGroup& group, int slots, const Args& args) {
  check(group.get()->slots == slots, name, ": needs ", slots, " slots with these options, the group has ",
        group.get()->slots);
  if (recording && kept_objects) kept_objects->push_back(py::cast(&group));
  run<op>(name, 4.0 * double(group.elements()), args);
}

void sgd_step_py(BoundGroup& group, double momentum, bool nesterov, double weight_decay, double clipvalue,
                 double clipnorm, double global_clipnorm) {
  const SgdStep step{.group = group.get(),
                     .regularization = regularization(weight_decay, clipvalue, clipnorm, global_clipnorm),
                     .momentum = momentum,
                     .nesterov = nesterov};
  run_step<sgd_step>("sgd_step", group, momentum != 0.0, step);
}

void adam_step_py(BoundGroup& group, double beta_1, double beta_2, double epsilon, bool amsgrad, double weight_decay,
                  double clipvalue, double clipnorm, double global_clipnorm) {
  const AdamStep step{.group = group.get(),
                      .regularization = regularization(weight_decay, clipvalue, clipnorm, global_clipnorm),
                      .beta_1 = beta_1,
                      .beta_2 = beta_2,
                      .epsilon = epsilon};
  run_step<adam_step>("adam_step", group, amsgrad ? 3 : 2, step);
}

void rmsprop_step_py(BoundGroup& group, double rho, double momentum, double epsilon, bool centered, double weight_decay,
                     double clipvalue, double clipnorm, double global_clipnorm) {
  const RmspropStep step{.group = group.get(),
                         .regularization = regularization(weight_decay, clipvalue, clipnorm, global_clipnorm),
                         .rho = rho,
                         .momentum = momentum,
                         .epsilon = epsilon,
                         .centered = centered};
  run_step<rmsprop_step>("rmsprop_step", group, 1 + (momentum != 0.0) + centered, step);
}

template <const py::object BoundGroup::* member>
py::object get(BoundGroup& group) {
  return group.*member;
}

}  // namespace

void bind_optimizer(py::module_& m) {
  using py::arg;
  py::class_<BoundGroup> group(
      m, kGroup,
      "The arrays that an optimizer's step reads and writes, bound once; touched: a TouchedRows or None each.");
  group.def(py::init(checked(make_group, kGroup, arg("weights"), arg("gradients"), arg("slots"), arg("decays"),
                             arg("active"), arg("learning_rate"), arg("iterations"), arg("touched"))),
            arg("weights"), arg("gradients"), arg("slots"), arg("decays"), arg("active"), arg("learning_rate"),
            arg("iterations"), arg("touched") = py::none());
  define_property(group, "weights", get<&BoundGroup::weights>, "The weights.");
  define_property(group, "gradients", get<&BoundGroup::gradients>, "Their gradients.");
  define_property(group, "slots", get<&BoundGroup::slots>, "A list of arrays for each kind of slot.");
  define_property(group, "decays", get<&BoundGroup::decays>, "One bool a weight: weight decay applies.");
  define_property(group, "active", get<&BoundGroup::active>, "One bool a weight: it has a gradient.");
  define_property(group, "learning_rate", get<&BoundGroup::learning_rate>, "The rate, (1,).");
  define_property(group, "iterations", get<&BoundGroup::iterations>, "Steps done, (1,).");
  define_property(group, "touched", get<&BoundGroup::touched>, "A TouchedRows or None for each weight, or None.");
  // Options as their optimizers have them (lamina.optimizers); of the limits of clipping, infinity switches one off.
  define(m, "sgd_step", sgd_step_py, arg("group"), arg("momentum"), arg("nesterov"), arg("weight_decay"),
         arg("clipvalue"), arg("clipnorm"), arg("global_clipnorm"), "One SGD step; slots: momentum, if it is not 0.");
  define(m, "adam_step", adam_step_py, arg("group"), arg("beta_1"), arg("beta_2"), arg("epsilon"), arg("amsgrad"),
         arg("weight_decay"), arg("clipvalue"), arg("clipnorm"), arg("global_clipnorm"),
         "One Adam step; slots: momentum, velocity and, with amsgrad, the largest velocity.");
  define(m, "rmsprop_step", rmsprop_step_py, arg("group"), arg("rho"), arg("momentum"), arg("epsilon"), arg("centered"),
         arg("weight_decay"), arg("clipvalue"), arg("clipnorm"), arg("global_clipnorm"),
         "One RMSprop step; slots: velocity, momentum if it is not 0, average gradient if centered.");
}

}  // namespace lamina
