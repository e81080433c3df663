#include "ops/ctc.h"

#include <algorithm>

#include "core/check.h"
#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"

namespace lamina {
namespace {

// Messages are made where they are needed alone: places as text cost more than the loss of a short sequence.
template <class T>
void check_sequence(const Ctc<T>& a, dim_t n, dim_t* labels) {
  const dim_t count = a.label_lengths[n], steps = a.input_lengths[n];
  if (count < 0 || count > a.L)
    check(false, "ctc_loss: target_length", describe_place(a.label_lengths, n), " is ", count,
          ", the targets have places for 0 to ", a.L);
  if (steps < 0 || steps > a.steps)
    check(false, "ctc_loss: output_length", describe_place(a.input_lengths, n), " is ", steps,
          ", the outputs have 0 to ", a.steps, " steps");
  dim_t needed = count;
  for (dim_t i = 0; i < count; i++) {
    const dim_t place = n * a.L + i;
    labels[i] = a.labels[place];
    if (labels[i] < 0 || labels[i] >= a.C) check(false, describe_outside(a.labels, place, a.C, "ctc_loss: label"));
    if (labels[i] == a.blank)
      check(false, "ctc_loss: the label", describe_place(a.labels, place), " is ", a.blank,
            ", the blank; choose another mask_index, or a shorter target_length");
    needed += i > 0 && labels[i] == labels[i - 1];
  }
  check(needed <= steps, "ctc_loss: target ", n, " has ", count, " labels", needed > count ? " with repetitions" : "",
        ", which need ", needed, " steps; its output has ", steps, "; leave it out, or keep more steps in the model");
}

}  // namespace

template <class T>
void ctc(const Ctc<T>& a) {
  Scratch<dim_t> labels(a.N * a.L);
  dim_t steps = 0, count = 0;
  for (dim_t n = 0; n < a.N; n++) {
    check_sequence(a, n, labels + n * a.L);
    steps = std::max<dim_t>(steps, a.input_lengths[n]), count = std::max<dim_t>(count, a.label_lengths[n]);
  }
  struct Worker {
    Scratch<T> states;
    Scratch<double> offsets;
  };
  const bool worth_it = a.N > 1 && a.N * steps * (a.C + 8 * count) > kGrain;
  parallel_workers(
      a.N, worth_it, [&] { return Worker{Scratch<T>(ctc_scratch(steps, count)), Scratch<double>(steps)}; },
      [&](Worker& w, dim_t n) {
        const dim_t at = n * a.steps * a.C, own = a.input_lengths[n];
        if (a.gradient) std::fill(a.gradient + at + own * a.C, a.gradient + at + a.steps * a.C, T(0));
        a.losses[n] =
            own ? kernels<T>().ctc.sequence({a.x + at, labels + n * a.L, a.gradient ? a.gradient + at : nullptr,
                                             w.states, w.offsets, own, a.C, a.label_lengths[n], a.blank})
                : T(0);
      });
}

LAMINA_FOR_FLOATS(ctc, Ctc);

}  // namespace lamina
