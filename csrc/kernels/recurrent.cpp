#include "kernels/recurrent.h"

#include "kernels/table.h"

namespace lamina {
namespace LAMINA_ISA {

void fill_recurrent(Kernels<float>&, Kernels<double>&) {}

}  // namespace LAMINA_ISA
}  // namespace lamina
