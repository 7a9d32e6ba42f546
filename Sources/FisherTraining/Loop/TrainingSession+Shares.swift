import Fisher

// Checkpoints of processes that divide the optimizer's state: each writes its share, and the first the rest.
extension TrainingSession {
    /// Whether all processes save a checkpoint now, which the first decides. Without others it is what this one says.
    func agrees(toSave isDue: Bool) throws -> Bool {
        guard let group = optimizer.sharers else { return isDue }
        let decision = Tensor([Int64(isDue ? 1 : 0)])
        try group.broadcast(decision, from: 0, as: "the decision to save a checkpoint")
        return try decision.item() == 1
    }

    /// The same between two steps; without a message where the first process has announced that it will not save.
    func agreesBetweenSteps(toSave isDue: Bool) throws -> Bool {
        if optimizer.sharers != nil, !othersAreNeeded { return false }
        return try agrees(toSave: isDue)
    }

    /// Saves a checkpoint whose optimizer's state other processes have parts of; all learn whether it was saved.
    ///
    /// - Parameter save: saves it; is given the number of processes that write, and waits for the shares of the others.
    func savingTogether(
        _ save: (_ processes: Int, _ others: (_ folder: String) throws -> Void) throws -> Checkpoint
    ) throws -> Checkpoint {
        guard let group = optimizer.sharers else { return try save(1) { _ in } }
        let operation = "the saving of a checkpoint"
        var isAnnounced = false
        let result = Result {
            try save(group.size) { folder in
                isAnnounced = true
                _ = try group.texts(folder, as: operation)
                let complaints = try group.texts("", as: operation)
                if let rank = complaints.firstIndex(where: { !$0.isEmpty }) {
                    throw ProcessSum.PeerFailure(rank: rank, reason: complaints[rank])
                }
            }
        }
        switch result {
        case .failure(let error as ProcessGroupError): throw error
        case .failure(let error):
            // Without a folder the others do not write.
            if !isAnnounced { _ = try group.texts("", as: operation) }
            _ = try group.texts("\(error)", as: operation)
        case .success: _ = try group.texts("", as: operation)
        }
        return try result.get()
    }

    /// Writes this process's share into the checkpoint that the first process saves.
    func saveShare(to store: CheckpointStore) throws {
        guard let group = optimizer.sharers else { return }
        let operation = "the saving of a checkpoint"
        let folder = try group.texts("", as: operation)[0]
        var failure: (any Error)?
        if !folder.isEmpty {
            do {
                let share = optimizer.shard.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
                try store.writeShare(share, rank: group.rank, of: group.size, in: folder)
            } catch {
                failure = error
            }
            _ = try group.texts(failure.map { "\($0)" } ?? "", as: operation)
        }
        let outcome = try group.texts("", as: operation)[0]
        if let failure { throw failure }
        if !outcome.isEmpty { throw ProcessSum.PeerFailure(rank: 0, reason: outcome) }
    }
}
