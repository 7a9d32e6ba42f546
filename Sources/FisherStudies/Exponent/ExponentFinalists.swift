/// The part that a finalist has in the question what the exponent does.
package enum ExponentRole: String, Codable, CaseIterable, Sendable {
    /// FAdam at the power 1/2 as published, with the best decay and source for it: what the others are compared to.
    case reference
    /// FAdam at a higher power, as it is.
    case power
    /// The same with the length of 1/2: what the direction alone does.
    case matched
    /// FAdam at 1/2 with every step of length 1: what a constant length alone does.
    case constant
    /// AdamW with the norm of the gradient clipped.
    case adamw
    /// The best of the other controls: AdamW with steps of length 1, or with a power of the gradient.
    case control

    /// The words of readers.
    package var text: String {
        switch self {
        case .reference: "1/2 as published"
        case .power: "a higher power"
        case .matched: "a higher power, length of 1/2"
        case .constant: "1/2, length 1"
        case .adamw: "AdamW, clipped"
        case .control: "another control"
        }
    }

    /// Whether an arm can have this part.
    package func admits(_ arm: ExponentArm) -> Bool {
        let isFAdam = arm.rule == "fadam"
        return switch self {
        case .reference: isFAdam && arm.power == 0.5 && arm.length == "own" && arm.clip == 1
        case .power: isFAdam && arm.power > 0.5 && arm.length == "own"
        case .matched: isFAdam && arm.power > 0.5 && arm.length == "square_root"
        case .constant: isFAdam && arm.power == 0.5 && arm.length == "unit"
        case .adamw: !isFAdam && arm.length == "own" && arm.gradientPower == 1
        case .control: !isFAdam && (arm.length != "own" || arm.gradientPower != 1)
        }
    }

    /// Whether the arm could become FAdam's default: it is FAdam with other options.
    package var isCandidate: Bool { [.power, .matched, .constant].contains(self) }
}

/// An arm that goes on to the finals.
package struct ExponentFinalist: Codable, Hashable, Sendable {
    /// Its part.
    package var role: ExponentRole
    /// The arm.
    package var arm: ExponentArm

    package init(role: ExponentRole, arm: ExponentArm) {
        (self.role, self.arm) = (role, arm)
    }

    /// The finalists of a screening: for each part the arm of the lowest mean loss among those that did not diverge. With
    /// equal losses the first in the order of the screening. The rule is stated before anything is run, and leaves six
    /// at most.
    package static func all(of screening: [ExponentResult]) -> [ExponentFinalist] {
        ExponentRole.allCases.compactMap { role in
            screening.filter { role.admits($0.arm) && $0.meanLoss != nil }
                .min { ($0.meanLoss ?? .infinity) < ($1.meanLoss ?? .infinity) }
                .map { ExponentFinalist(role: role, arm: $0.arm) }
        }
    }
}
