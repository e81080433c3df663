#include "ops/unpooling.h"

#include <algorithm>
#include <cstdint>

#include "core/check.h"
#include "core/parallel.h"
#include "core/pool.h"
#include "ops/pooling.h"

namespace lamina {
namespace {

template <class I>
void indices_of(const MaxPoolIndices& a, const I* index) {
  const Window& v = a.window;
  const dim_t C = v.C, numbers = v.adaptive ? product(v.in) : product(v.taps);
  Scratch<dim_t> places(numbers);
  fill_places(v, places.get());
  parallel_for(v.N * v.out[0] * v.out[1], kGrain / std::max<dim_t>(v.out[2] * C, 1) + 1, [&](dim_t begin, dim_t end) {
    for_rows(v.out, begin, end, [&](dim_t, dim_t d, dim_t h, dim_t row) {
      for (dim_t w = 0; w < v.out[2]; w++) {
        const dim_t under = first_pixel(v, d, h, w), o = (row * v.out[2] + w) * C;
        for (dim_t c = o; c < o + C; c++) {
          const std::size_t number = std::size_t(index[c]);  // callers may give any index
          a.indices[c] = number < std::size_t(numbers) ? std::int32_t(under + places[number]) : -1;
        }
      }
    });
  });
}

// Some channels of an image.
struct Part {
  dim_t image, first, count;
};
constexpr dim_t kChannels = 32;  // of a part

// Calls f(make(), part) for all parts of N images of C channels, most in each.
template <class Make, class F>
void for_parts(dim_t N, dim_t C, dim_t most, dim_t work, Make&& make, F&& f) {
  if (most == 0) return;
  const dim_t blocks = (C + most - 1) / most;
  parallel_workers(N * blocks, N * work >= 2 * kGrain, make, [&](auto& worker, dim_t i) {
    const dim_t first = i % blocks * most;
    f(worker, Part{i / blocks, first, std::min(most, C - first)});
  });
}

void check_places(const Indices& indices, dim_t outputs) {
  const dim_t place = first_outside(indices, outputs);
  if (place >= 0) check_index(false, "max_unpool: ", describe_outside(indices, place, outputs, "index"));
}

struct Nothing {};

template <class T, class I>
void unpool(const MaxUnpoolForward<T>& a, const I* indices) {
  constexpr dim_t kImages = 4;  // enough, so that a part is a whole one
  for_parts(
      a.N, a.C, a.N >= kImages ? a.C : std::min(a.C, kChannels), a.outputs * a.C, [] { return Nothing(); },
      [&](Nothing, const Part& part) {
        const dim_t C = a.C, count = part.count, o = part.image * a.pixels * C + part.first;
        T* y = a.y + part.image * a.outputs * C + part.first;
        const dim_t piece = count == C ? a.outputs : 1;  // pixels that lie together
        for (dim_t p = 0; p < a.outputs; p += piece) std::fill_n(y + p * C, piece * count, T(0));
        const T* x = a.x + o;
        const I* at = indices + o;
        for (dim_t p = 0; p < a.pixels; p++, x += C, at += C)
          for (dim_t c = 0; c < count; c++) y[dim_t(at[c]) * C + c] = x[c];
      });
}

// From the last value to the first: the first one that is met at a place is the one that stayed. A bit for each channel
// says so, in a word for each place, which stay in the first cache; a byte for each did not.
template <class T, class I>
void unpool_gradient(const MaxUnpoolBackward<T>& a, const I* indices) {
  static_assert(kChannels <= 32);
  constexpr dim_t kAhead = 8;  // pixels
  for_parts(
      a.N, a.C, std::min(a.C, kChannels), a.outputs * a.C, [&] { return Scratch<std::uint32_t>(a.outputs); },
      [&](Scratch<std::uint32_t>& scratch, const Part& part) {
        const dim_t C = a.C, count = part.count, o = part.image * a.pixels * C + part.first;
        const T* dy = a.dy + part.image * a.outputs * C + part.first;
        const bool adds = a.dx.adds();
        std::uint32_t* taken = scratch.get();
        std::fill_n(taken, a.outputs, 0u);
        for (dim_t p = a.pixels - 1; p >= 0; p--) {
          const I* at = indices + o + p * C;
          T* dx = a.dx.to + o + p * C;
          if (p >= kAhead)  // some of each line's numbers
            for (dim_t c = 0; c < count; c += 4) __builtin_prefetch(dy + dim_t(at[c - kAhead * C]) * C + c);
          for (dim_t c = 0; c < count; c++) {
            const dim_t place = dim_t(at[c]);
            const std::uint32_t others = taken[place], own = 1u << c;
            const T value = dy[place * C + c], g = others & own ? T(0) : value;
            taken[place] = others | own;
            dx[c] = adds ? dx[c] + g : g;
          }
        }
      });
}

// f(indices of their type)
template <class F>
void with_width(const Indices& i, F&& f) {
  i.wide ? f(static_cast<const std::int64_t*>(i.data)) : f(static_cast<const std::int32_t*>(i.data));
}

}  // namespace

void max_pool_indices(const MaxPoolIndices& a) {
  wide_index(a.window) ? indices_of(a, static_cast<const std::int32_t*>(a.index))
                       : indices_of(a, static_cast<const std::uint8_t*>(a.index));
}

template <class T>
void max_unpool_forward(const MaxUnpoolForward<T>& a) {
  check_places(a.indices, a.outputs);
  with_width(a.indices, [&](auto indices) { unpool(a, indices); });
}

template <class T>
void max_unpool_backward(const MaxUnpoolBackward<T>& a) {
  if (!a.dx.wanted()) return;
  check_places(a.indices, a.outputs);
  with_width(a.indices, [&](auto indices) { unpool_gradient(a, indices); });
}

LAMINA_FOR_FLOATS(max_unpool_forward, MaxUnpoolForward);
LAMINA_FOR_FLOATS(max_unpool_backward, MaxUnpoolBackward);

}  // namespace lamina
