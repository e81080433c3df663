// One optimizer step over all parameters of a model.
#pragma once
#include <vector>

#include "core/types.h"
#include "kernels/optimizer.h"

namespace lamina {

// Weights, gradient and slots of one parameter, each of n elements of one float type.
// (A gradient of touched rows alone, as an embedding has it, would add the rows here and a loop over them to spans().)
struct Parameter {
  void* w;
  const void* g;
  void* slots[kMaxSlots];
  dim_t n;
  Dtype dtype;
};

// Everything a step reads and writes. What changes from step to step is read through the pointers, so that a recorded
// step can be replayed: the rate, the steps done, which parameters have a gradient.
struct ParameterGroup {
  std::vector<Parameter> parameters;
  std::vector<dim_t> starts;  // of each parameter in the concatenation of all, and its end
  struct Chunk {              // a piece of a parameter whose sum of squares is one number, whatever the threads
    int parameter;
    dim_t begin, n;
  };
  std::vector<Chunk> chunks;
  int slots = 0;
  const bool* decays = nullptr;  // one a parameter: weight decay applies
  const bool* active = nullptr;  // one a parameter: it has a gradient
  const double* rate = nullptr;
  std::int64_t* iterations = nullptr;  // steps done; each step adds one

  void add(const Parameter& p);
};

// Of the three limits, infinity switches one off. Norms are those of all gradients before any clipping.
struct Regularization {
  double weight_decay, clipvalue, clipnorm, global_clipnorm;
};

struct SgdStep {
  const ParameterGroup* group;
  Regularization regularization;
  double momentum;
  bool nesterov;
};
void sgd_step(const SgdStep& a);

struct AdamStep {
  const ParameterGroup* group;
  Regularization regularization;
  double beta_1, beta_2, epsilon;
};
void adam_step(const AdamStep& a);

struct RmspropStep {
  const ParameterGroup* group;
  Regularization regularization;
  double rho, momentum, epsilon;
  bool centered;
};
void rmsprop_step(const RmspropStep& a);

}  // namespace lamina
