// The register tile, over what one product of a register is: gemm.cpp's of floats, gemm_bfloat16.cpp's of pairs.
#pragma once
#include "kernels/gemm.h"
#include "simd/math.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

constexpr int kAhead = 8;  // so many rows ahead, a matrix that is packed is fetched into the cache

template <class T>
void activate(T* y, dim_t n, Activation act) {
  switch (act) {
    case Activation::linear: break;
    case Activation::relu:
      for_lanes<T>(n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA { put<T>(y + i, vmax<T>(get(y + i, l), Vec<T>{}), l); });
      break;
    case Activation::tanh:
      for_lanes<T>(n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA { put<T>(y + i, vtanh<T>(get(y + i, l)), l); });
      break;
    case Activation::sigmoid:
      for_lanes<T>(n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA { put<T>(y + i, vsigmoid<T>(get(y + i, l)), l); });
      break;
  }
}

// r += s * b, b a register, s an element of a.
template <class T>
struct FloatProduct {
  static constexpr bool kCopies = true;  // panels are packed in passing
  static LAMINA_INLINE T broadcast(const T* s) { return *s; }
  static LAMINA_INLINE void add(Vec<T>& r, T s, Vec<T> b) { r += s * b; }
};

// r += the products; if kCopy, the rows of b go to t.copy on the way, and those a little further on into the cache:
// they may stand pages apart, where no hardware prefetcher follows.
template <class Product, bool kCopy, class T, int MR, int NV>
LAMINA_INLINE void add_products(const Tile<T>& t, Vec<T> (&r)[MR][NV]) {
  constexpr int W = kLanes<T>, kBases = (MR + 3) / 4;
  const T* b = t.b;
  T* copy = t.copy;
  const dim_t row = t.row, s1 = t.s1, ldb = t.ldb, k1 = t.k1;
  // Four rows of a are reached from one register: at 0, row, 2 row and 3 row. The compiler would keep a register a row,
  // and has too few.
  dim_t row3 = 3 * row;
  asm("" : "+r"(row3));
  for (dim_t i3 = 0; i3 < t.k3; i3++)
    for (dim_t i2 = 0; i2 < t.k2; i2++) {
      const T* a[kBases];
#pragma GCC unroll 4
      for (int i = 0; i < kBases; i++) a[i] = t.a + i3 * t.s3 + i2 * t.s2 + 4 * i * row;
      for (dim_t k = 0; k < k1; k++, b += ldb) {
        Vec<T> bv[NV];
#pragma GCC unroll 4
        for (int j = 0; j < NV; j++) bv[j] = load(b + j * W);
        if constexpr (kCopy) {
#pragma GCC unroll 4
          for (int j = 0; j < NV; j++) {
            __builtin_prefetch(b + kAhead * ldb + j * W);
            store(copy + j * W, bv[j]);
          }
          copy += NV * W;
        }
#pragma GCC unroll 16
        for (int i = 0; i < MR; i++) {
          const auto s = Product::broadcast(a[i / 4] + (i % 4 == 3 ? row3 : i % 4 * row));
#pragma GCC unroll 4
          for (int j = 0; j < NV; j++) Product::add(r[i][j], s, bv[j]);
        }
#pragma GCC unroll 4
        for (int i = 0; i < kBases; i++) a[i] += s1;
      }
    }
}

template <class Product, class T, int MR, int NV>
void tile_of(const Tile<T>& t) {
  constexpr int W = kLanes<T>;
  const int last = t.cols - (NV - 1) * W;
  Vec<T> r[MR][NV];
  {
    Vec<T> start[NV] = {};
    if (t.bias) {
      for (int j = 0; j < NV - 1; j++) start[j] = load(t.bias + j * W);
      start[NV - 1] = get(t.bias + (NV - 1) * W, last);
    }
#pragma GCC unroll 16
    for (int i = 0; i < MR; i++)
#pragma GCC unroll 4
      for (int j = 0; j < NV; j++) r[i][j] = start[j];
  }
  // The rows of C stand pages apart: fetched while the sum runs, they cost nothing at its end.
  if (!t.stream)
#pragma GCC unroll 16
    for (int i = 0; i < MR; i++)
#pragma GCC unroll 4
      for (int j = 0; j < NV; j++) __builtin_prefetch(t.c + i * t.ldc + j * W, 1);
  if (Product::kCopies && t.copy)
    add_products<Product, Product::kCopies, T, MR, NV>(t, r);
  else
    add_products<Product, false, T, MR, NV>(t, r);
  const bool relu = t.act == Activation::relu;
#pragma GCC unroll 16
  for (int i = 0; i < MR; i++) {
    T* c = t.c + i * t.ldc;
#pragma GCC unroll 4
    for (int j = 0; j < NV; j++) {
      const int l = j == NV - 1 ? last : W;
      Vec<T> v = r[i][j];
      if (t.accumulate) v += get(c + j * W, l);
      if (relu) v = vmax<T>(v, Vec<T>{});
      put<T>(c + j * W, v, l, t.stream);
    }
  }
  if (t.act == Activation::tanh || t.act == Activation::sigmoid)
    for (int i = 0; i < MR; i++) activate(t.c + i * t.ldc, t.cols, t.act);
}

// rows is a run-time number, tiles are compile-time ones: halve the range until they meet.
template <class Product, class T, int NV, int LO, int HI>
LAMINA_INLINE void tile_rows(const Tile<T>& t) {
  if constexpr (LO == HI) {
    tile_of<Product, T, LO, NV>(t);
  } else {
    constexpr int mid = (LO + HI) / 2;
    t.rows <= mid ? tile_rows<Product, T, NV, LO, mid>(t) : tile_rows<Product, T, NV, mid + 1, HI>(t);
  }
}

}  // namespace
}  // namespace LAMINA_ISA
}  // namespace lamina
