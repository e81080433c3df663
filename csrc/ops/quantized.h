// Products with int8 weights, which stay packed from call to call.
#pragma once
#include <memory>

#include "core/pool.h"
#include "core/types.h"
#include "ops/window.h"

namespace lamina {

// A matrix (K, N) of int8 and the scale of each column, by which a float was multiplied to become one; packed for the
// register tile. The layout is the same for every instruction set.
class QuantizedMatrix {
 public:
  QuantizedMatrix(dim_t K, dim_t N);
  void fill(const std::int8_t* w, const float* scale);  // w[k * N + n]
  dim_t rows() const { return K_; }
  dim_t columns() const { return N_; }
  dim_t quads() const { return quads_; }
  dim_t strips() const { return strips_; }
  dim_t strip() const { return strip_; }  // bytes
  const std::int8_t* bytes() const { return bytes_; }
  const std::int32_t* sums() const { return sums_; }
  const float* steps() const { return steps_; }

 private:
  dim_t K_, N_, quads_, strips_, strip_;
  Scratch<std::int8_t> bytes_;
  Scratch<std::int32_t> sums_;
  Scratch<float> steps_;  // 1 / scale
};

// y (M, N) = act(x . w + b), x (M, K) quantized row by row; rows of y are ldy apart.
struct QuantizedDense {
  const float* x;
  const QuantizedMatrix* w;
  const float* b;  // null: none
  float* y;
  dim_t M, ldy;
  Activation act;
};
void quantized_dense(const QuantizedDense& a);

// y (N, out, K) = act(gain (x * w) + b), x (N, in, C), each image quantized by a scale of its own; w has a row for each
// tap and channel of a group, groups > 1 have whole strips of columns.
struct QuantizedConvolution {
  const float* x;
  const QuantizedMatrix* w;
  const float *gain, *b;  // of each column; null: none
  float* y;
  Window window;
  dim_t groups;
  Activation act;
};
void quantized_convolution(const QuantizedConvolution& a);

// Columns [n0, n1) of y (+)= x . w for rows at distances ldx and ldy, on the calling thread: for operations that divide
// something else. y has all columns; whole strips are written, so that up to 15 beside these change, too.
void quantized_rows(dim_t M, const float* x, dim_t ldx, const QuantizedMatrix& w, dim_t n0, dim_t n1, float* y,
                    dim_t ldy, bool accumulate);
// And by all threads, each some columns.
void quantized_rows_shared(dim_t M, const float* x, dim_t ldx, const QuantizedMatrix& w, dim_t n0, dim_t n1, float* y,
                           dim_t ldy, bool accumulate);

// Where a product goes: y = act(a . w + b), or y += a . w.
struct QuantizedTo {
  const QuantizedMatrix* w;
  const float* column_steps;  // w's, or such as stand in their place
  const float* b;             // null: none
  float* y;
  dim_t ldy;
  Activation act;
  bool accumulate;
};
// Strips [s0, s1) of `rows` quantized rows, `row` bytes apart: to row `m` of the result, and those behind it.
void multiply_quantized(const QuantizedTo& to, dim_t m, dim_t rows, const std::uint8_t* quantized, dim_t row,
                        const float* steps, dim_t s0, dim_t s1);
// What calls that, on a thread, says so once around all of it.
struct MultiplyingBytes {
  MultiplyingBytes() = default;
  MultiplyingBytes(const MultiplyingBytes&) = delete;
  MultiplyingBytes& operator=(const MultiplyingBytes&) = delete;
  ~MultiplyingBytes();
};

constexpr float kQuantizedEpsilon = 1e-7f;         // as Keras's quantizer of activations
constexpr double kQuantizedWorkPerThread = 2.0e6;  // products; four times as fast as those of floats

// Rows that stand anywhere, quantized one by one on the calling thread, and their product.
class QuantizedRows {
 public:
  QuantizedRows(dim_t most, const QuantizedMatrix& w);
  void set(dim_t i, const float* x);
  void multiply(dim_t M, const float* b, float* y, dim_t ldy) const;  // y = x . w + b of the first M

 private:
  const QuantizedMatrix& w_;
  dim_t row_;
  Scratch<std::uint8_t> bytes_;
  Scratch<float> steps_;
};

}  // namespace lamina
