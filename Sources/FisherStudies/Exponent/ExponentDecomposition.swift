/// What the direction and what the length of a higher power contribute to its difference to 1/2 on a problem, seed by seed.
///
/// The higher power with the length of 1/2 has the direction of the one and the length of the other: the whole difference is
/// that of the direction, at this length, and that of the length, in this direction.
package struct ExponentDecomposition: Hashable, Sendable {
    /// The problem.
    package let problem: String
    /// The higher power less 1/2.
    package let whole: PairedDifference
    /// The higher power with the length of 1/2 less 1/2.
    package let direction: PairedDifference
    /// The higher power less itself with the length of 1/2.
    package let length: PairedDifference

    /// The decompositions on all problems that have results of the three; none if the finalists differ by more than power and
    /// length.
    package static func all(
        of finals: [ExponentResult], _ finalists: [ExponentFinalist]
    ) -> [ExponentDecomposition] {
        func arm(_ role: ExponentRole) -> ExponentArm? { finalists.first { $0.role == role }?.arm }
        guard let half = arm(.reference), let higher = arm(.power), let matched = arm(.matched) else {
            return []
        }
        var (first, second) = (higher, matched)
        (first.length, second.length) = (half.length, half.length)
        guard first == second else { return [] }
        first.power = half.power
        guard first == half else { return [] }
        return finals.map(\.problem).firstOccurrences.compactMap { problem in
            func losses(_ arm: ExponentArm) -> [UInt64: Double] {
                finals.first { $0.problem == problem && $0.arm == arm }?.losses ?? [:]
            }
            guard let whole = PairedDifference(of: losses(higher), to: losses(half)),
                let direction = PairedDifference(of: losses(matched), to: losses(half)),
                let length = PairedDifference(of: losses(higher), to: losses(matched))
            else { return nil }
            return ExponentDecomposition(problem: problem, whole: whole, direction: direction, length: length)
        }
    }
}
