import FisherInformation
import NeuralNet
import Torch

/// Which of the processes that train together keeps the state of which elements, and moves them.
///
/// It follows from the parameters, their rules and the number of processes alone, so that all processes find the same one
/// without a message. What needs a whole tensor or layer is given to one process, the most work first and always to the one
/// that has the least. What moves by elements fills up the rest: large tensors are cut at the bounds of cells, whose sums the
/// fused loops add up in any case, and small ones follow by size.
struct StateDivision {
    /// Who keeps a slot.
    enum Holding: Equatable {
        /// Every process, because its rule does not divide.
        case all
        /// One process.
        case one(Int)
        /// All processes, each a range of its elements by rank; some may be empty.
        case cut([Range<Int>])
    }

    /// The number of this process.
    let rank: Int
    /// The holdings by slot.
    let holdings: [Holding]
    /// The processes.
    let group: ProcessGroup

    /// Whether this process keeps a slot or has a part of it. A slot that is cut is every process's, even where its part is
    /// empty: its sums are exchanged.
    func keeps(_ slot: Int) -> Bool {
        switch holdings[slot] {
        case .all: true
        case .one(let owner): owner == rank
        case .cut: true
        }
    }

    /// The elements of a cut slot that this process keeps; nil for one that is kept as a whole, or not here.
    func part(of slot: Int) -> Range<Int>? {
        if case .cut(let ranges) = holdings[slot] { ranges[rank] } else { nil }
    }

    /// Whether several processes have a part of a slot each.
    func isCut(_ slot: Int) -> Bool { part(of: slot) != nil }

    /// Whether this process is the one that tells the others of a slot that is not cut.
    func speaks(for slot: Int) -> Bool {
        switch holdings[slot] {
        case .all: rank == 0
        case .one(let owner): owner == rank
        case .cut: false
        }
    }

    /// Elements that a process may be given, with the work that they are.
    struct Unit {
        /// The slots; one, but for those of a layer.
        let slots: [Int]
        /// The multiplications of their step.
        let work: Double
        /// The number of elements.
        let count: Int
        /// Whether it can be cut.
        let isDivisible: Bool
    }

    /// Divides units among processes; a slot of no unit is kept by all.
    init(_ units: [Unit], slotCount: Int, among group: ProcessGroup) {
        (rank, self.group) = (group.rank, group)
        holdings = Self.holdings(units, slotCount: slotCount, size: group.size)
    }

    /// The holdings of units that `size` processes share.
    static func holdings(_ units: [Unit], slotCount: Int, size: Int) -> [Holding] {
        var holdings = [Holding](repeating: .all, count: slotCount)
        var loads = [Double](repeating: 0, count: size)
        func give(_ unit: Unit) {
            var least = 0
            for rank in loads.indices where loads[rank] < loads[least] { least = rank }
            loads[least] += unit.work
            for slot in unit.slots { holdings[slot] = .one(least) }
        }
        func byWork(_ units: [Unit]) -> [Unit] {
            units.sorted { ($0.work, $1.slots[0]) > ($1.work, $0.slots[0]) }
        }
        byWork(units.filter { !$0.isDivisible }).forEach(give)
        let large = units.filter { $0.isDivisible && $0.count > FusedJob.wholeCount }
        let small = units.filter { $0.isDivisible && $0.count <= FusedJob.wholeCount }
        // The large ones fill every process up to one level; the small ones even out what cells are too coarse for.
        var room = Self.room(above: loads, for: large.reduce(0) { $0 + Double($1.count) })
        var rank = 0
        for unit in large {
            var ranges = [Range<Int>](repeating: 0..<0, count: size)
            var start = 0
            while start < unit.count {
                while rank < size - 1, room[rank] < Double(FusedJob.cellCount) / 2 { rank += 1 }
                let left = unit.count - start
                let cells = Int((room[rank] / Double(FusedJob.cellCount)).rounded())
                let taken = rank == size - 1 ? left : min(left, max(1, cells) * FusedJob.cellCount)
                ranges[rank] = start..<start + taken
                room[rank] -= Double(taken)
                loads[rank] += Double(taken)
                start += taken
                if start < unit.count { rank = min(rank + 1, size - 1) }
            }
            holdings[unit.slots[0]] = .cut(ranges)
        }
        byWork(small).forEach(give)
        return holdings
    }

    /// How much each load has to grow so that all that is left brings the lower ones to one level.
    static func room(above loads: [Double], for total: Double) -> [Double] {
        var level = 0.0
        let sorted = loads.sorted()
        var sum = 0.0
        for (number, load) in sorted.enumerated() {
            sum += load
            level = (sum + total) / Double(number + 1)
            if number + 1 == sorted.count || level <= sorted[number + 1] { break }
        }
        return loads.map { max(0, level - $0) }
    }
}

extension Optimizer {
    /// The division of the parameters among the processes.
    ///
    /// - Parameter cuts: whether tensors that move by elements may be cut.
    func division(among group: ProcessGroup, cuts: Bool) -> StateDivision {
        var units: [StateDivision.Unit] = []
        func unit(of slot: Int, _ rule: any OptimizationRule, divisible: Bool) -> StateDivision.Unit {
            let parameter = slots[slot].parameter.wrappedValue
            return StateDivision.Unit(
                slots: [slot], work: rule.workload(of: parameter.shape), count: parameter.count,
                isDivisible: divisible)
        }
        // Directions in which states are rounded come from one stream, in the order of all parameters.
        for (number, bound) in groups.enumerated() where roundingGenerator == nil {
            let rule = bound.configuredRule
            switch rule.division {
            case .whole: continue
            case .tensors: units += bound.slots.map { unit(of: $0, rule, divisible: false) }
            case .elements:
                units += bound.slots.map { slot in
                    let mayCut =
                        cuts && fusedObstacle(of: rule) == nil
                        && Optimizer.fusedObstacle(of: slots[slot].parameter.wrappedValue) == nil
                    return unit(of: slot, rule, divisible: mayCut)
                }
            case .layers:
                guard let structure = estimators[number]?.structure else { continue }
                let first = bound.slots.lowerBound
                for block in structure.layers {
                    let own = [block.weight] + [block.bias].compactMap(\.self)
                    units.append(
                        StateDivision.Unit(
                            slots: own.map { first + $0 },
                            work: rule.workload(of: [block.outputCount, block.inputCount]),
                            count: block.outputCount * block.inputCount, isDivisible: false))
                }
                units += structure.others.map { unit(of: first + $0, SGD(), divisible: false) }
            }
        }
        return StateDivision(units, slotCount: slots.count, among: group)
    }
}
