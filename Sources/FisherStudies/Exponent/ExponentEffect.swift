/// What a change of power or length does to the loss, over all the contexts of a screening that have both arms.
///
/// A context is a setting of all other factors: clip, decay and source of the information. The seeds of a screening are
/// few, but every context repeats the comparison, so that its sign shows where single differences do not.
package struct ExponentEffect: Codable, Hashable, Sendable {
    /// What is changed, for readers.
    package var name: String
    /// The mean difference of each context over its seeds; negative if the change is for the better.
    package var differences: [Double]

    /// The mean over contexts; nil if there is none.
    package var mean: Double? { SampleSummary(differences)?.mean }
    /// The number of contexts in which the change is for the better.
    package var betterCount: Int { differences.count { $0 < 0 } }

    /// The effects at a power above 1/2, one sentence each, in contexts with and without a clip.
    package static func all(of results: [ExponentResult], power: Double) -> [ExponentEffect] {
        typealias Side = (power: Double, length: String)
        let text = NumberText.short(power)
        let changes: [(String, Side, Side)] = [
            ("\(text) in place of 1/2", (0.5, "own"), (power, "own")),
            ("\(text) in place of 1/2, with the length of 1/2", (0.5, "own"), (power, "square_root")),
            ("\(text) with its own length in place of that of 1/2", (power, "square_root"), (power, "own")),
            ("1/2 with length 1 in place of its own", (0.5, "own"), (0.5, "unit")),
            ("\(text) in place of 1/2, both with length 1", (0.5, "unit"), (power, "unit")),
        ]
        return changes.flatMap { name, from, to in
            [true, false].map { clipped in
                ExponentEffect(
                    name: name + (clipped ? ", clipped" : ", not clipped"),
                    differences: differences(
                        results.filter { ($0.arm.clip != nil) == clipped || $0.arm.length == "unit" }, from,
                        to))
            }
        }.filter { !$0.differences.isEmpty }
    }

    /// The mean difference of each pair of FAdam arms that differ in power and length alone; one that diverged has none.
    private static func differences(
        _ results: [ExponentResult], _ from: (power: Double, length: String),
        _ to: (power: Double, length: String)
    ) -> [Double] {
        func has(_ side: (power: Double, length: String)) -> (ExponentResult) -> Bool {
            { $0.arm.rule == "fadam" && $0.arm.power == side.power && $0.arm.length == side.length }
        }
        return results.filter(has(to)).compactMap { arm in
            results.first { has(from)($0) && $0.arm.hasContext(of: arm.arm) && $0.problem == arm.problem }
                .flatMap { PairedDifference(of: arm.losses, to: $0.losses)?.mean }
        }
    }
}
