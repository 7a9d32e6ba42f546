/// Damping by Levenberg and Marquardt: raised if the quadratic model of the loss predicted too large a
/// decrease, lowered if its prediction was good.
///
///     rho = decrease of the loss / decrease that the model promised
///     rho > 3/4:  damping <- max(factor damping, 1e-8)
///     rho < 1/4:  damping <- damping / factor
///
/// Martens and Grosse (2015), section 6.5; Martens (2010), section 4.1.
struct LevenbergMarquardt {
    /// The factor that lowers the damping, and whose inverse raises it; in (0, 1].
    let factor: Double

    private static let leastDamping = 1e-8

    /// The next damping. A model that predicts no decrease, or a loss that is not a number, raises it.
    func damping(after damping: Double, decrease: Double, promised: Double) -> Double {
        let rho = promised > 0 ? decrease / promised : -1
        if rho > 0.75 { return max(damping * factor, Self.leastDamping) }
        return rho >= 0.25 ? damping : max(damping, Self.leastDamping) / factor
    }
}
