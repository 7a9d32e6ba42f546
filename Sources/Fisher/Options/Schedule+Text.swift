extension Schedule: LosslessStringConvertible {
    /// Reads a number, or a curve such as `cosine(peak=0.002, steps=400, warm_up=40, floor=0)`. The others
    /// are `linear_warm_up(peak, warm_up)`, `inverse_square_root(peak, warm_up)`,
    /// `warm_up_stable_decay(peak, steps, warm_up, decay, floor)` and `sequence(schedule, updates, schedule, ...)`:
    /// schedules with the numbers of updates for which they hold, the last one without, and
    /// `plateau(peak=0.1, factor=0.1, patience=2, threshold=0.0001, minimum=0, cooldown=0)`, which takes a whole
    /// `schedule=cosine(...)` in place of the peak.
    public init?(_ text: String) {
        let text = text.filter { !$0.isWhitespace }
        if let value = Double(text) {
            self = .constant(value)
            return
        }
        guard let open = text.firstIndex(of: "("), text.last == ")", Schedule.nests(text, atMost: 16) else {
            return nil
        }
        let (curve, pieces) = (
            text[..<open], Schedule.pieces(of: text[text.index(after: open)...].dropLast())
        )
        let read: Schedule? =
            switch curve {
            case "sequence": Schedule(phases: pieces)
            case "plateau": Schedule(plateau: pieces)
            default: Schedule(curve, pieces)
            }
        guard let read, read.complaint == nil else { return nil }
        self = read
    }

    /// A curve by its name and its numbers, `name=value` each.
    private init?(_ curve: Substring, _ pieces: [Substring]) {
        var values: [String: Double] = [:]
        for piece in pieces {
            let pair = piece.split(separator: "=", maxSplits: 1)
            guard pair.count == 2, let value = Double(pair[1]), values[String(pair[0])] == nil else {
                return nil
            }
            values[String(pair[0])] = value
        }
        func count(_ name: String, otherwise: Int? = nil) -> Int? {
            guard let value = values.removeValue(forKey: name) else { return otherwise }
            return Int(exactly: value).flatMap { $0 >= 0 ? $0 : nil }
        }
        guard let peak = values.removeValue(forKey: "peak") else { return nil }
        guard let warmUp = count("warm_up", otherwise: 0) else { return nil }
        switch curve {
        case "linear_warm_up": self = .linearWarmUp(peak, warmUp: warmUp)
        case "inverse_square_root": self = .inverseSquareRoot(peak, warmUp: warmUp)
        case "cosine", "warm_up_stable_decay":
            guard let steps = count("steps") else { return nil }
            let floor = values.removeValue(forKey: "floor") ?? 0
            if curve == "cosine" {
                self = .cosine(peak, steps: steps, warmUp: warmUp, floor: floor)
            } else {
                guard let decay = count("decay") else { return nil }
                self = .warmUpStableDecay(peak, steps: steps, warmUp: warmUp, decay: decay, floor: floor)
            }
        default: return nil
        }
        if !values.isEmpty { return nil }
    }

    /// A plateau by its schedule and its numbers.
    private init?(plateau pieces: [Substring]) {
        var values: [Substring: Substring] = [:]
        for piece in pieces {
            let pair = piece.split(separator: "=", maxSplits: 1)
            guard pair.count == 2, values.updateValue(pair[1], forKey: pair[0]) == nil else { return nil }
        }
        func number<Number: LosslessStringConvertible>(_ name: Substring, otherwise: Number) -> Number? {
            values.removeValue(forKey: name).map { Number(String($0)) } ?? otherwise
        }
        let (peak, base) = (values.removeValue(forKey: "peak"), values.removeValue(forKey: "schedule"))
        guard (peak == nil) != (base == nil),
            let schedule = peak.flatMap({ Double($0).map(Schedule.constant) })
                ?? base.flatMap({ Schedule(String($0)) }),
            let factor = number("factor", otherwise: 0.1), let patience = number("patience", otherwise: 2),
            let threshold = number("threshold", otherwise: 1e-4),
            let minimum = number("minimum", otherwise: 0.0),
            let cooldown = number("cooldown", otherwise: 0), values.isEmpty
        else { return nil }
        self = .plateau(
            schedule, factor: factor, patience: patience, threshold: threshold, minimum: minimum,
            cooldown: cooldown)
    }

    /// Schedules and, between them, the numbers of updates for which they hold.
    private init?(phases pieces: [Substring]) {
        guard pieces.count % 2 == 1 else { return nil }
        var phases: [Phase] = []
        for position in stride(from: 0, to: pieces.count, by: 2) {
            guard let schedule = Schedule(String(pieces[position])) else { return nil }
            if position + 1 == pieces.count {
                phases.append(Phase(schedule))
            } else if let updates = Int(pieces[position + 1]), updates >= 0 {
                phases.append(Phase(schedule, updates: updates))
            } else {
                return nil
            }
        }
        self = .sequence(phases)
    }

    /// Whether no parentheses lie in more than some others: each level is read by a call of its own.
    private static func nests(_ text: String, atMost limit: Int) -> Bool {
        var depth = 0
        for byte in text.utf8 {
            if byte == UInt8(ascii: "(") { depth += 1 }
            if byte == UInt8(ascii: ")") { depth -= 1 }
            if depth > limit { return false }
        }
        return true
    }

    /// The pieces between commas that are outside parentheses.
    private static func pieces(of text: Substring) -> [Substring] {
        var depth = 0
        return text.split(omittingEmptySubsequences: false) { character in
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            return character == "," && depth == 0
        }
    }

    private var isConstant: Bool { if case .constant = self { true } else { false } }

    /// The number, or the curve in the form that `init(_:)` reads.
    public var description: String {
        switch self {
        case .constant(let value): "\(value)"
        case .linearWarmUp(let peak, let warmUp): "linear_warm_up(peak=\(peak), warm_up=\(warmUp))"
        case .cosine(let peak, let steps, let warmUp, let floor):
            "cosine(peak=\(peak), steps=\(steps), warm_up=\(warmUp), floor=\(floor))"
        case .inverseSquareRoot(let peak, let warmUp): "inverse_square_root(peak=\(peak), warm_up=\(warmUp))"
        case .warmUpStableDecay(let peak, let steps, let warmUp, let decay, let floor):
            "warm_up_stable_decay(peak=\(peak), steps=\(steps), warm_up=\(warmUp), decay=\(decay), "
                + "floor=\(floor))"
        case .sequence(let phases):
            "sequence("
                + phases.enumerated().map { position, phase in
                    position + 1 == phases.count
                        ? "\(phase.schedule)" : "\(phase.schedule), \(phase.updates)"
                }.joined(separator: ", ") + ")"
        case .plateau(let base, let factor, let patience, let threshold, let minimum, let cooldown):
            "plateau(\(base.isConstant ? "peak" : "schedule")=\(base), factor=\(factor), patience=\(patience), "
                + "threshold=\(threshold), minimum=\(minimum), cooldown=\(cooldown))"
        }
    }
}
