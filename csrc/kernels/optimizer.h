// Updates of optimizers over a span of one parameter: memory-bound loops, each array read once and written once.
#pragma once
#include "core/types.h"

namespace lamina {

constexpr int kMaxSlots = 3, kMaxOptions = 6, kMaxFactors = 6, kMaxRules = 24;

// n elements of a parameter: weights w, gradient g, the rule's slots (null where it keeps none).
// Before its rule, every kernel clips and decays:   g' = clamp(scale (unit g), -limit, limit);   w' = w - decay w.
// limit is infinity and decay 0 where nothing is wanted; a NaN gradient stays NaN. unit is 1, or a power of two where a
// norm is so large that T could not hold the whole factor.
template <class T>
struct UpdateSpan {
  dim_t n;
  T* w;
  const T* g;
  T* slots[kMaxSlots];
  T scale, unit, limit, decay;
};

// State that a rule keeps for each element, as zeros at first; only while the option of that name is not 0, if it names
// one.
struct Slot {
  const char *name = nullptr, *while_option = nullptr;
};

// What one update rule is called, the options that it takes in this order, and its slots.
struct Rule {
  const char* name;
  const char* options[kMaxOptions];  // null behind the last
  Slot slots[kMaxSlots];             // names are null behind the last
};

// One rule, made of an entry of update_rules.h.
template <class T>
struct RuleEntry {
  const Rule* rule;
  // What all elements of the step share: from the options, the learning rate and the number of this step, from 1 on.
  void (*factors)(const double* options, double rate, double step, double* factors);
  void (*update)(const UpdateSpan<T>&, const double* factors);
};

template <class T>
struct OptimizerKernels {
  int count;
  RuleEntry<T> rules[kMaxRules];
  // Sum of squares.
  T (*squares)(dim_t n, const T* x);
  // sum = (sum + g) / divisor;   sum / divisor without g.
  void (*accumulate)(dim_t n, const T* g, T* sum, T divisor);
};

}  // namespace lamina
