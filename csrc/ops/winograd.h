// Winograd's convolution: a tile of 4 x 4 results of 3 x 3 taps, or of 2 x 2 results of 5 x 5 taps, takes 36 products
// in place of 144 or 100.
#pragma once
#include "ops/conv_direct.h"
#include "ops/convolution.h"

namespace lamina {

// Whether Winograd's tiles are faster than the direct sum: float32, 3 x 3 or 5 x 5 taps of one plane, stride and
// dilation 1, enough channels. Follows from the shape alone. Never with LAMINA_WINOGRAD=0 in the environment.
template <class T>
bool winograd_pays(const Correlation<T>& c);
template <class T>
bool winograd_pays(const Window& v, dim_t K, dim_t groups);  // for the weight gradient

// As correlate() and convolution_weight_gradient(), from arrays as they are: neither x.y nor dz.y, no db.
template <class T>
void winograd_correlate(const Correlation<T>& c);
template <class T>
void winograd_weight_gradient(const WeightGradient<T>& a);

}  // namespace lamina
