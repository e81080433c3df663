#include "kernels/convolution.h"

#include "kernels/table.h"

namespace lamina {
namespace LAMINA_ISA {

void fill_convolution(Kernels<float>&, Kernels<double>&) {}

}  // namespace LAMINA_ISA
}  // namespace lamina
