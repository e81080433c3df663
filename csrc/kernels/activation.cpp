#include "kernels/activation.h"

#include "kernels/table.h"

namespace lamina {
namespace LAMINA_ISA {

void fill_activation(Kernels<float>&, Kernels<double>&) {}

}  // namespace LAMINA_ISA
}  // namespace lamina
