// Transforms of Winograd's convolution by tiles: R x R taps give M x M results of 6 x 6 pixels, M + R = 7.
//
//   6 x 6 pixels of a tile    data         -> 36 planes  \  the product of a plane with a plane
//   R x R taps                evaluate[R]  -> 36 planes  /  is a sum over channels  -> 36 planes
//                                                                            interpolate[M] -> M x M results
//   M x M result gradients    evaluate[M]  -> 36 planes     with data: a sum over tiles  -> 36 planes
//                                                                            interpolate[R] -> R x R taps' gradients
//
// Evaluation points 0, +-5/8, +-11/8 and infinity: exact in a float. The relative error of results and gradients is
// 3e-7 to 9e-7 (root mean square; the direct sum's 1.3e-7 to 5e-7), in the mean half and at worst a third of that of
// the common 0, +-1, +-2 (Lavin and Gray 2015; points as Barabasz et al. 2020 choose them).
#pragma once
#include "core/types.h"

namespace lamina {

constexpr int kWinogradSide = 6;  // pixels of a tile

// From side x side places in memory, n elements each, to plane (i, j) at out + (6 i + j) * plane.
template <class T>
struct WinogradSpread {
  const T* const* in;
  T* out;
  dim_t plane, n;
  dim_t ahead;  // elements from a place to that of the next tile, which is fetched meanwhile
};

// From plane (i, j) at in + (6 i + j) * plane to side x side places of n elements; null: this one is left out.
template <class T>
struct WinogradGather {
  const T* in;
  dim_t plane, n;
  T* const* out;
  const T* bias;  // null: none
  bool relu, accumulate;
};

template <class T>
struct WinogradKernels {
  void (*data)(const WinogradSpread<T>&);                        // 6 x 6
  void (*evaluate[kWinogradSide])(const WinogradSpread<T>&);     // n x n, 2 <= n <= 5
  void (*interpolate[kWinogradSide])(const WinogradGather<T>&);  // n x n, 2 <= n <= 5
};

}  // namespace lamina
