// The constants of a metric's loops that follow from the power of the information.

import CKernels
import Foundation

/// Divisors below this are guarded against overflow and division by zero.
let leastUnguardedDivisor: Float = 1e-20

extension ck_metric {
    /// Sets the power rho of the information.
    mutating func setPower(_ rho: Double) {
        power = rho == 0.5 ? CK_ROOT : rho == 1 ? CK_WHOLE : CK_ANY_POWER
        self.rho = Float(rho)
        // The last 12 of 24 bits: the product of the rest with an exponent, of 8 bits, is exact.
        rho_high = Float(bitPattern: self.rho.bitPattern & 0xffff_f000)
        rho_low = Float(rho - Double(rho_high))
    }

    /// What is added to f^rho for an epsilon-hat: its power 2 rho.
    static func added(for epsilon: Float, power rho: Double) -> Float {
        Float(pow(Double(epsilon), 2 * rho))
    }

    /// f^rho of one number.
    func power(of f: Double) -> Float {
        switch power {
        case CK_ROOT: Float(f.squareRoot())
        case CK_WHOLE: Float(f)
        default: Float(pow(f, Double(rho)))
        }
    }

    /// Whether a divisor may be so small that a quotient overflows, or that the power of a subnormal f, which is only
    /// exact with guards, matters beside it.
    func needsGuards(leastDivisor: Float) -> Bool {
        if leastDivisor < leastUnguardedDivisor { return true }
        return power == CK_ANY_POWER
            && leastDivisor < power(of: Double(Float.leastNormalMagnitude)) / Float.ulpOfOne
    }
}
