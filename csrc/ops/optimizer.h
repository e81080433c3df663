// One optimizer step over all parameters of a model.
#pragma once
#include <vector>

#include "core/types.h"
#include "kernels/optimizer.h"
#include "ops/touched_rows.h"

namespace lamina {

// Weights, gradient and slots of one parameter, each of n elements of one float type. Of a table whose gradient is
// known to be zero outside of some rows, a step reads and writes those rows alone: the others keep weights and slots.
struct Parameter {
  void* w;
  const void* g;
  void* slots[kMaxSlots];
  dim_t n;
  Dtype dtype;
  TouchedRows* touched;  // or null
  dim_t row;             // elements of a row of the table
};

// Everything a step reads and writes. What changes from step to step is read through the pointers, so that a recorded
// step can be replayed: the rate, the steps done, which parameters (and which of their rows) have a gradient.
struct ParameterGroup {
  std::vector<Parameter> parameters;
  bool keeps[kMaxSlots] = {};    // which slots there are
  const bool* decays = nullptr;  // one a parameter: weight decay applies
  bool* active = nullptr;        // one a parameter: it has a gradient
  bool* due = nullptr;           // or null: whether a step does anything
  const double* rate = nullptr;
  std::int64_t* iterations = nullptr;  // steps done; each step adds one
};

// Gradients are multiplied by scale before anything else. A limit of infinity is off. Norms are those of all gradients
// before any clipping.
struct Regularization {
  double weight_decay, clipvalue, clipnorm, global_clipnorm, scale;
};

// One step by the rule of this number in the table of kernels. options and the group's slots are those of the rule;
// slots that it does not keep are null.
struct OptimizerStep {
  const ParameterGroup* group;
  Regularization regularization;
  int rule;
  double options[kMaxOptions];
};
void optimizer_step(const OptimizerStep& a);

// Adds up the gradients of `source`, whose weights are the sums, for `target`, whose gradients they are. The iterations
// of source count them. The last of each `steps` makes the sums means, and target due; with the first one they begin
// anew. A parameter is active in target if any of its gradients was; the touched rows of a table are those of all. A
// source that is not due is left out, and nothing is due.
struct GradientAccumulation {
  const ParameterGroup *source, *target;
  std::int64_t steps;
};
void accumulate_gradients(const GradientAccumulation& a);

// Divides the gradients of `group` by state[0], the scale of the loss, into its weights, which what follows takes as
// gradients. The group is due if all of them are finite. state[1] counts such steps: at growth_steps the scale is
// doubled; where a gradient is not finite, it is halved; both begin to count anew.
struct GradientScaling {
  const ParameterGroup* group;
  double* state;
  std::int64_t growth_steps;
};
void unscale_gradients(const GradientScaling& a);

}  // namespace lamina
