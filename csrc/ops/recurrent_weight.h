// The weights of recurrent layers in products: of floats, or of int8.
#pragma once
#include <optional>
#include <type_traits>

#include "ops/gemm.h"
#include "ops/quantized.h"
#include "ops/recurrent.h"
#include "ops/recurrent_schedule.h"

namespace lamina {

// A weight that each step multiplies with: floats packed for this call, or the columns [n0, n1) of int8.
template <class T>
struct StepWeight {
  std::optional<PackedMatrix<T>> floats;
  const QuantizedMatrix* int8 = nullptr;
  dim_t n0 = 0, n1 = 0;

  // `shared`: by all threads, each some columns.
  void multiply(dim_t M, const T* x, dim_t ldx, T* y, dim_t ldy, bool accumulate, bool fro, bool shared) const {
    if constexpr (std::is_same_v<T, float>)
      if (int8)
        return (shared ? quantized_rows_shared : quantized_rows)(M, x, ldx, *int8, n0, n1, y - n0, ldy, accumulate);
    shared ? floats->multiply_shared(M, x, ldx, y, ldy, accumulate, fro)
           : floats->multiply(M, x, ldx, y, ldy, accumulate, fro);
  }
};

// y = x . w + b of all rows at once, w (K, N) of floats, or int8.
template <class T>
void whole_product(const Recurrence<T>& r, dim_t M, dim_t N, dim_t K, const T* x, const T* w, dim_t ldw,
                   const QuantizedMatrix* int8, T* y, dim_t ldy, const T* b) {
  if constexpr (std::is_same_v<T, float>)
    if (int8) return quantized_dense({x, int8, b, y, M, ldy, Activation::linear});
  gemm(Gemm<T>{M, N, K, x, K, 1, w, ldw, 1, y, ldy, b, Activation::linear, false, r.bfloat16});
}

// x . W + b with int8 weights for some steps of a group at once, as many as fill a few tiles: of all steps the rows
// would not stay in the cache until they are used.
class StepInput {
 public:
  StepInput(const Recurrence<float>& r, const Group& group, dim_t width)
      : r_(r),
        group_(group),
        at_once_(std::max<dim_t>(1, kRows / std::max<dim_t>(1, group.size))),
        width_(width),
        quantized_(at_once_ * group.size, *r.int8_kernel),
        gates_(at_once_ * group.size * width) {}
  // The row of the group's first sequence at this step; those of the others follow. Steps are asked for in order.
  float* step(dim_t step) {
    if (step == end_) {
      dim_t rows = 0, active = group_.size;
      for (; end_ < group_.steps() && end_ < step + at_once_; end_++) {
        active = group_.active(end_, active);
        for (dim_t k = 0; k < active; k++) {
          const dim_t b = group_[k], row = group_.s.row(b, end_);
          quantized_.set(rows++, r_.x + (b * r_.S + group_.s.time(b, row)) * r_.I);
        }
      }
      quantized_.multiply(rows, r_.bias, gates_, width_);
      next_ = gates_;
    }
    float* now = next_;
    next_ += group_.active(step, group_.size) * width_;
    return now;
  }

 private:
  static constexpr dim_t kRows = 48;
  const Recurrence<float>& r_;
  const Group& group_;
  dim_t at_once_, width_, end_ = 0;
  QuantizedRows quantized_;
  Scratch<float> gates_;
  float* next_ = nullptr;
};

}  // namespace lamina
