#include <algorithm>
#include <cmath>
#include <string_view>

#include "bind/call.h"
#include "bind/define.h"
#include "bind/families.h"
#include "bind/touched_rows.h"
#include "kernels/table.h"
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
  const py::object weights, gradients, slots, decays, active, learning_rate, iterations, touched, due;

  BoundGroup(py::handle weights_, py::handle gradients_, py::handle slots_, py::handle decays_, py::handle active_,
             py::handle rate_, py::handle iterations_, py::handle touched_, py::handle due_)
      : weights(owned(weights_)),
        gradients(owned(gradients_)),
        slots(owned(slots_)),
        decays(owned(decays_)),
        active(owned(active_)),
        learning_rate(owned(rate_)),
        iterations(owned(iterations_)),
        touched(owned(touched_)),
        due(owned(due_)) {
    const py::tuple ws = to_items(weights, kGroup, "weights", "arrays");
    const std::size_t n = ws.size();
    const py::tuple gs = one_each(gradients, "gradients", n), states = to_items(slots, kGroup, "slots", "lists");
    check(states.size() <= kMaxSlots, kGroup, ": at most ", kMaxSlots, " slots, got ", states.size());
    py::tuple sets = touched.is_none() ? py::tuple() : to_items(touched, kGroup, "touched", "TouchedRows");
    if (!sets.empty()) sets = one_each(touched, "touched", n);
    std::vector<py::tuple> arrays(states.size());
    for (std::size_t s = 0; s < states.size(); s++)
      if (!states[s].is_none()) {
        arrays[s] = one_each(states[s], "arrays of a slot", n);
        group_.keeps[s] = true;
      }
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
        if (group_.keeps[s]) p.slots[s] = keep(call.destination(arrays[s][i], "a slot", w.sizes())).data();
      group_.parameters.push_back(p);
      elements_ += p.n;
    }
    Call call(kGroup);
    group_.decays = vector<bool>(call, decays, "decays", dim_t(n));
    group_.active = vector<bool>(call, active, "active", dim_t(n));
    group_.rate = vector<double>(call, learning_rate, "learning_rate", 1);
    group_.iterations = vector<std::int64_t>(call, iterations, "iterations", 1);
    if (!due.is_none()) group_.due = vector<bool>(call, due, "due", 1);
  }

  const ParameterGroup* get() const { return &group_; }
  dim_t elements() const { return elements_; }
  // Bytes that a step reads and writes, without what the plan under record noted when the group was made for it:
  // weights and gradients, three times, and slots, once.
  std::size_t traffic() const {
    const auto slots = std::count(std::begin(group_.keeps), std::end(group_.keeps), true);
    std::size_t bytes = 0;
    for (const Parameter& p : group_.parameters) bytes += static_cast<std::size_t>(p.n * item_size(p.dtype) * slots);
    return bytes;
  }

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
                                       py::handle touched, py::handle due) {
  return std::make_unique<BoundGroup>(weights, gradients, slots, decays, active, learning_rate, iterations, touched,
                                      due);
}

constexpr const char* kStep = "optimizer_step";

int rule_of(const std::string& name) {
  const auto& all = kernels<float>().optimizer;
  for (int i = 0; i < all.count; i++)
    if (name == all.rules[i].rule->name) return i;
  std::string names;
  for (int i = 0; i < all.count; i++) names += concat(i ? ", " : "", all.rules[i].rule->name);
  throw py::value_error(concat(kStep, ": unknown rule '", name, "'; known are ", names));
}

int options_of(const Rule& rule) {
  return int(std::find(rule.options, rule.options + kMaxOptions, nullptr) - rule.options);
}

py::tuple update_rule(const std::string& name) {
  const Rule& rule = *kernels<float>().optimizer.rules[rule_of(name)].rule;
  py::list options, slots;
  for (int i = 0; i < options_of(rule); i++) options.append(rule.options[i]);
  for (const Slot& slot : rule.slots)
    if (slot.name) slots.append(py::make_tuple(slot.name, slot.while_option));
  return py::make_tuple(py::tuple(options), py::tuple(slots));
}

// Whether a rule keeps its slot s with these options.
bool keeps(const Rule& rule, int s, const double* options) {
  const Slot& slot = rule.slots[s];
  if (!slot.name || !slot.while_option) return slot.name;
  int i = 0;
  while (std::string_view(rule.options[i]) != slot.while_option) i++;
  return options[i] != 0;
}

void optimizer_step_py(BoundGroup& group, const std::string& rule, py::tuple options, double weight_decay,
                       double clipvalue, double clipnorm, double global_clipnorm, double scale) {
  check(scale > 0 && std::isfinite(scale), kStep, ": scale must be positive and finite");
  check(clipvalue > 0 && clipnorm > 0 && global_clipnorm > 0, kStep, ": limits of clipping must be positive");
  check(std::isinf(clipnorm) || std::isinf(global_clipnorm), kStep,
        ": clipnorm and global_clipnorm exclude each other");
  OptimizerStep step{.group = group.get(),
                     .regularization = {.weight_decay = weight_decay,
                                        .clipvalue = clipvalue,
                                        .clipnorm = clipnorm,
                                        .global_clipnorm = global_clipnorm,
                                        .scale = scale},
                     .rule = rule_of(rule),
                     .options = {}};
  const Rule& known = *kernels<float>().optimizer.rules[step.rule].rule;
  const int count = options_of(known);
  check(int(options.size()) == count, kStep, ": ", rule, " takes ", count, " options, got ", options.size());
  for (int i = 0; i < count; i++) step.options[i] = to_number(options[i], kStep, known.options[i]);
  for (int s = 0; s < kMaxSlots; s++) {
    const bool wanted = keeps(known, s, step.options);
    check(wanted == group.get()->keeps[s], kStep, ": ", rule, " keeps ", wanted ? "" : "no ",
          known.slots[s].name ? known.slots[s].name : "slot", " at place ", s, " with these options, the group has ",
          wanted ? "none" : "one");
  }
  keep_for_plan(py::cast(&group));
  if (recording) recording->touch(group.traffic());
  run<optimizer_step>(known.name, 4.0 * double(group.elements()), step);
}

void accumulate_gradients_py(BoundGroup& source, BoundGroup& target, dim_t steps) {
  constexpr const char* op = "accumulate_gradients";
  const auto &sources = source.get()->parameters, &sums = target.get()->parameters;
  check(steps > 0, op, ": steps must be positive, got ", steps);
  check(sources.size() == sums.size(), op, ": ", sources.size(), " parameters in source, ", sums.size(), " in target");
  for (std::size_t i = 0; i < sums.size(); i++) {
    check(sums[i].g == sources[i].w && sums[i].dtype == sources[i].dtype && sums[i].n == sources[i].n, op,
          ": gradient ", i, " of target must be weight ", i, " of source");
    check(!sums[i].touched || sums[i].touched != sources[i].touched, op,
          ": source and target share the touched rows of ", i);
  }
  check(target.get()->due, op, ": target must have due");
  check(target.get()->active != source.get()->active, op, ": source and target share active");
  keep_for_plan(py::cast(&source));
  keep_for_plan(py::cast(&target));
  const GradientAccumulation args{.source = source.get(), .target = target.get(), .steps = steps};
  run<accumulate_gradients>(op, double(source.elements()), args);
}

void unscale_gradients_py(BoundGroup& group, py::handle state_, dim_t growth_steps) {
  constexpr const char* op = "unscale_gradients";
  Call call(op);
  const View state = call.first_destination(state_, "state");
  expect(state, op, "state", {2}, Dtype::f64);
  check(growth_steps > 0, op, ": growth_steps must be positive, got ", growth_steps);
  check(group.get()->due, op, ": group must have due");
  for (const Parameter& p : group.get()->parameters)
    check(p.g != p.w, op, ": a gradient is the weight that it is written to");
  keep_for_plan(py::cast(&group));
  const GradientScaling args{.group = group.get(), .state = state.as<double>(), .growth_steps = growth_steps};
  run<unscale_gradients>(op, double(group.elements()), args);
}

template <const py::object BoundGroup::* member>
py::object get(BoundGroup& group) {
  return group.*member;
}

}  // namespace

void bind_optimizer(py::module_& m) {
  py::class_<BoundGroup> group(
      m, kGroup,
      "The arrays that an optimizer's step reads and writes, bound once; touched: a TouchedRows or None each.");
  define_constructor(group, make_group,
                     with_defaults("weights, gradients, slots, decays, active, learning_rate, iterations, touched, due",
                                   py::none(), py::none()));
  define_property(group, "weights", get<&BoundGroup::weights>, "The weights.");
  define_property(group, "gradients", get<&BoundGroup::gradients>, "Their gradients.");
  define_property(group, "slots", get<&BoundGroup::slots>,
                  "A list of arrays for each slot of the rule, None for one that is not kept.");
  define_property(group, "decays", get<&BoundGroup::decays>, "One bool a weight: weight decay applies.");
  define_property(group, "active", get<&BoundGroup::active>, "One bool a weight: it has a gradient.");
  define_property(group, "learning_rate", get<&BoundGroup::learning_rate>, "The rate, (1,).");
  define_property(group, "iterations", get<&BoundGroup::iterations>, "Steps done, (1,).");
  define_property(group, "touched", get<&BoundGroup::touched>, "A TouchedRows or None for each weight, or None.");
  define_property(group, "due", get<&BoundGroup::due>, "Whether a step does anything, (1,), or None: it does.");
  define(
      m, "accumulate_gradients", accumulate_gradients_py, "source, target, steps",
      "Add the gradients of source to its weights, which are the gradients of target; each steps-th time they become "
      "means, and target is due.");
  define(m, "unscale_gradients", unscale_gradients_py, "group, state, growth_steps",
         "Divide the gradients of a group by state[0], the scale of the loss, into its weights; the group is due, and "
         "state[1] counts on, if all are finite, else the scale is halved; after growth_steps it is doubled.");
  define(m, "update_rule", update_rule, "rule",
         "The names of a rule's options, and of its slots, each with that of the option that asks for it, or None.");
  define(
      m, "optimizer_step", optimizer_step_py,
      with_defaults("group, rule, options, weight_decay, clipvalue, clipnorm, global_clipnorm, scale", 1.0),
      "One step by a rule of csrc/kernels/update_rules.h, with its options in their order and its slots in theirs; of "
      "the limits of clipping, infinity switches one off.");
}

}  // namespace lamina
