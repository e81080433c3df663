// Native work without the GIL.
#pragma once
#include <Python.h>
#ifndef _WIN32
#include <unistd.h>
#endif
#if __has_include(<cxxabi.h>)
#include <cxxabi.h>
#endif

namespace lamina {

// As pybind11's gil_scoped_release. A daemon thread that wants the GIL back while the interpreter ends is unwound by
// Python before 3.14, which a destructor turns into std::terminate; here it waits for the end of the process instead.
class ReleaseGil {
 public:
  ReleaseGil() : state_(PyEval_SaveThread()) {}
  ~ReleaseGil() {
#ifdef __GLIBCXX__
    try {
      PyEval_RestoreThread(state_);
    } catch (const abi::__forced_unwind&) {
      for (;;) pause();
    }
#else
    PyEval_RestoreThread(state_);
#endif
  }
  ReleaseGil(const ReleaseGil&) = delete;
  ReleaseGil& operator=(const ReleaseGil&) = delete;

 private:
  PyThreadState* state_;
};

}  // namespace lamina
