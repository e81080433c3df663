#include "bind/array.h"
#include "bind/define.h"
#include "bind/families.h"
#include "ops/probe.h"

namespace lamina {
namespace {

double measure_flops_py(const std::string& dtype, double seconds) {
  check(dtype == "float32" || dtype == "float64", "measure_flops: expected float32 or float64, got '", dtype, "'");
  check(seconds > 0 && seconds <= 60, "measure_flops: expected up to 60 seconds, got ", seconds);
  const ReleaseGil release;
  return (dtype == "float32" ? measure_flops<float>(seconds) : measure_flops<double>(seconds)) / 1e9;
}

double measure_stream_py(dim_t bytes, double seconds, const std::string& kind) {
  check(bytes > 0 && bytes <= dim_t(1) << 33, "measure_stream: expected up to 8 GiB, got ", bytes, " bytes");
  check(seconds > 0 && seconds <= 60, "measure_stream: expected up to 60 seconds, got ", seconds);
  check(kind == "add" || kind == "copy" || kind == "triad", "measure_stream: expected add, copy or triad, got '", kind,
        "'");
  const Stream stream = kind == "add" ? Stream::add : kind == "copy" ? Stream::copy : Stream::triad;
  const ReleaseGil release;
  return measure_stream(seconds, bytes, stream) / 1e9;
}

double measure_region_py(double seconds) {
  check(seconds > 0 && seconds <= 60, "measure_region: expected up to 60 seconds, got ", seconds);
  const ReleaseGil release;
  return measure_region(seconds);
}

}  // namespace

void bind_probe(py::module_& m) {
  define(m, "measure_flops", measure_flops_py, with_defaults("dtype, seconds", "float32", 0.1),
         "GFLOP/s of multiply-adds in registers, all threads, in the instruction set in use.");
  define(m, "measure_stream", measure_stream_py, with_defaults("bytes, seconds, kind", 0.2, "add"),
         "GB/s read and written over float32 arrays of `bytes`: add (y += x), copy (y = x) or triad (y = x + s z).");
  define(m, "measure_region", measure_region_py, with_defaults("seconds", 0.1),
         "Seconds that a region of all threads takes of itself.");
}

}  // namespace lamina
