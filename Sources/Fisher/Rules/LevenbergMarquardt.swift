/// Damping by Levenberg and Marquardt: more where the quadratic model of the loss promised too much, less where it
/// kept its promise.
///
///     rho = decrease of the loss / decrease that the model promised
///     rho > 3/4:  damping <- max(factor damping, 1e-8)
///     rho < 1/4:  damping <- damping / factor
///
/// Martens and Grosse (2015), section 6.5; Martens (2010), section 4.1.
struct LevenbergMarquardt {
    /// What the damping is multiplied by where it is lowered, and divided by where it is raised; in (0, 1].
    let factor: Double

    private static let leastDamping = 1e-8

    /// The next damping. A model that promises no decrease, or a loss that is no number, calls for more.
    func damping(after damping: Double, decrease: Double, promised: Double) -> Double {
        let rho = promised > 0 ? decrease / promised : -1
        if rho > 0.75 { return max(damping * factor, Self.leastDamping) }
        return rho >= 0.25 ? damping : max(damping, Self.leastDamping) / factor
    }
}
