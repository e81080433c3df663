#include "kernels/probe.h"

#include "kernels/table.h"

namespace lamina {
namespace LAMINA_ISA {

void fill_probe(Kernels<float>&, Kernels<double>&) {}

}  // namespace LAMINA_ISA
}  // namespace lamina
