// Layer normalization inside of a recurrence (Ba, Kiros and Hinton 2016): of h . R in the cell's parts, and of an
// LSTM's c. One row at a time: the same bits at any number of threads.
#pragma once
#include "core/pool.h"
#include "kernels/table.h"
#include "ops/recurrent.h"
#include "ops/recurrent_schedule.h"

namespace lamina {

constexpr dim_t kStats = 6;  // a row's mean and 1 / deviation of the first part of h . R, of the second, and of c

template <class T>
class StateNorm {
 public:
  // The columns of h . R are two parts, [0, plain) and the others, if there are any.
  StateNorm(const Recurrence<T>& r, dim_t plain) : r_(r), plain_(plain) {}
  bool of_product() const { return r_.recurrent_gamma; }
  bool of_state() const { return r_.state_gamma; }

  // The columns [from, to), whole parts, of a row of h . R: from raw to z.
  void forward(dim_t from, dim_t to, const T* raw, T* z, T* stats) const {
    parts(from, to, [&](int part, dim_t at, dim_t n) {
      normalize(n, raw + at, r_.recurrent_gamma + at, nullptr, z + at, stats + 2 * part);
    });
  }
  // And back: from the gradient of z, which begins at column `from`, to that of raw, in its place too. `product` is
  // left with what is summed to the gradient of gamma.
  void backward(dim_t from, dim_t to, const T* raw, const T* stats, T* dz, T* draw, T* product) const {
    parts(from, to, [&](int part, dim_t at, dim_t n) {
      gradient(n, raw + at, r_.recurrent_gamma + at, stats + 2 * part, dz + at - from, draw + at, false, product + at);
    });
    copy_row(dz, draw + from, to - from);
  }

  void state_forward(const T* c, T* normal, T* stats) const {
    normalize(r_.U, c, r_.state_gamma, r_.state_beta, normal, stats + 4);
  }
  // Adds to dc.
  void state_backward(const T* c, const T* stats, const T* dnormal, T* dc, T* product) const {
    gradient(r_.U, c, r_.state_gamma, stats + 4, dnormal, dc, true, product);
  }

 private:
  template <class F>
  void parts(dim_t from, dim_t to, F&& f) const {
    if (from < plain_) f(0, from, std::min(to, plain_) - from);
    if (to > plain_) f(1, plain_, to - plain_);
  }
  void normalize(dim_t n, const T* x, const T* gamma, const T* beta, T* y, T* stats) const {
    kernels<T>().normalization.layer_norm(1, n, x, gamma, beta, r_.epsilon, y, stats, stats + 1, false);
  }
  void gradient(dim_t n, const T* x, const T* gamma, const T* stats, const T* dy, T* dx, bool add, T* product) const {
    kernels<T>().normalization.layer_norm_gradient(1, n, x, gamma, stats, stats + 1, dy, dx, add, product, nullptr,
                                                   false);
  }

  const Recurrence<T>& r_;
  dim_t plain_;
};

}  // namespace lamina
